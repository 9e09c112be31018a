-- Grain: a business date of the %(days)s up to %(day)s (null: up to the last one known), newest first; none when none is known.
-- The newest check of each source's date counts, whichever run it was: a daily run, a later one that also loaded the date, or
-- the load of a file. The date has the worst of these outcomes. A source that no scheduled run reads (removed, disabled or
-- manual) does not count on dates without a load: nobody expects it there. Loads of files count, published or not.
WITH known AS (
    SELECT coalesce(%(day)s::date, greatest(
        (SELECT max(business_date) FROM ops.data_quality_scores WHERE dimension = 'overall'),
        (SELECT max(business_date) FROM ops.data_quality_results),
        (
            SELECT max(newest.business_date)
            FROM dim_retailer
            CROSS JOIN LATERAL (
                SELECT max(business_date) AS business_date
                FROM ops.load_ledger
                WHERE load_ledger.retailer_id = dim_retailer.retailer_id
            ) AS newest
        )
    )) AS last_date
),
calendar AS (
    SELECT day::date AS business_date
    FROM known
    CROSS JOIN LATERAL generate_series(last_date - (%(days)s - 1), last_date, interval '1 day') AS day
),
retailers AS (
    SELECT
        retailer_id,
        coalesce(source.is_scheduled OR source.connector = 'files', true) AS always_counts
    FROM (SELECT retailer_id FROM dim_retailer WHERE retailer_key <> 0) AS retailer
    FULL JOIN ops.sources AS source USING (retailer_id)
),
slices AS (
    SELECT calendar.business_date, retailers.retailer_id, newest.run_id, newest.checked_at
    FROM calendar
    CROSS JOIN retailers
    CROSS JOIN LATERAL (
        SELECT results.run_id, results.checked_at
        FROM ops.data_quality_results AS results
        WHERE results.business_date = calendar.business_date AND results.retailer_id = retailers.retailer_id
        ORDER BY results.checked_at DESC
        LIMIT 1
    ) AS newest
    WHERE retailers.always_counts
        OR (  -- not EXISTS, for which the planner might read the complete table
            SELECT true
            FROM ops.load_ledger AS ledger
            WHERE ledger.retailer_id = retailers.retailer_id AND ledger.business_date = calendar.business_date
            LIMIT 1
        )
),
with_findings AS (
    SELECT slices.*, findings.failed, findings.warned
    FROM slices
    CROSS JOIN LATERAL (
        SELECT
            count(*) FILTER (WHERE results.status = 'fail') AS failed,
            count(*) FILTER (WHERE results.status = 'warn') AS warned
        FROM ops.data_quality_results AS results
        WHERE results.business_date = slices.business_date
            AND results.retailer_id = slices.retailer_id
            AND results.checked_at = slices.checked_at
            AND results.run_id = slices.run_id
            AND results.status IN ('warn', 'fail')
            AND results.severity <> 'info'
    ) AS findings
),
checked AS (
    SELECT
        business_date,
        max(checked_at) AS checked_at,
        (array_agg(run_id ORDER BY checked_at DESC))[1] AS checked_by,
        sum(failed)::integer AS failed,
        sum(warned)::integer AS warned,
        jsonb_object_agg(
            retailer_id, CASE WHEN failed > 0 THEN 'fail' WHEN warned > 0 THEN 'warn' ELSE 'pass' END
        ) AS outcomes
    FROM with_findings
    GROUP BY business_date
),
-- No score where all that was checked does not count.
scored AS (
    SELECT calendar.business_date, run.run_id, run.score, run.outcome, run.scored_at
    FROM calendar
    LEFT JOIN LATERAL (
        SELECT scores.run_id, scores.score, scores.outcome, scores.scored_at
        FROM ops.data_quality_scores AS scores
        WHERE scores.business_date = calendar.business_date AND scores.dimension = 'overall'
        ORDER BY scores.scored_at DESC
        LIMIT 1
    ) AS run ON (
        calendar.business_date IN (SELECT business_date FROM checked)
        OR (
            SELECT true
            FROM ops.data_quality_results AS results
            WHERE results.business_date = calendar.business_date
            LIMIT 1
        ) IS NULL
    )
)
SELECT
    scored.business_date,
    scored.run_id,
    scored.score::float8 AS score,
    scored.outcome,
    scored.scored_at,
    checked.checked_by,
    checked.checked_at,
    dimensions.scores AS dimensions,
    coalesce(checked.failed, 0) AS failed,
    coalesce(checked.warned, 0) AS warned,
    coalesce(checked.outcomes, '{}') AS outcomes,
    alerts.open_alerts,
    alerts.alert_id
FROM scored
LEFT JOIN checked USING (business_date)
CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(scores.dimension, scores.score) FILTER (WHERE scores.dimension <> 'overall') AS scores
    FROM ops.data_quality_scores AS scores
    WHERE scores.run_id = scored.run_id AND scores.business_date = scored.business_date
) AS dimensions
CROSS JOIN LATERAL (
    SELECT count(*) AS open_alerts, min(alert_id) AS alert_id
    FROM ops.alerts
    WHERE alerts.business_date = scored.business_date AND alerts.status <> 'resolved'
) AS alerts
ORDER BY scored.business_date DESC
