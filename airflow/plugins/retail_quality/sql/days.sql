-- Grain: a business date of the %(days)s up to %(day)s (null: up to the last one known), newest first; none when none is known.
-- The newest check of a date counts: that of its own run, or of a later run that also loaded the date.
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
scored AS (
    SELECT calendar.business_date, run.run_id, run.score, run.outcome, run.scored_at
    FROM calendar
    LEFT JOIN LATERAL (
        SELECT scores.run_id, scores.score, scores.outcome, scores.scored_at
        FROM ops.data_quality_scores AS scores
        WHERE scores.business_date = calendar.business_date AND scores.dimension = 'overall'
        ORDER BY scores.scored_at DESC
        LIMIT 1
    ) AS run ON true
),
checked AS (
    SELECT scored.*, newest.run_id AS checked_by, newest.checked_at
    FROM scored
    LEFT JOIN LATERAL (
        SELECT results.run_id, results.checked_at
        FROM ops.data_quality_results AS results
        WHERE results.business_date = scored.business_date
        ORDER BY results.checked_at DESC
        LIMIT 1
    ) AS newest ON true
)
SELECT
    checked.business_date,
    checked.run_id,
    checked.score::float8 AS score,
    checked.outcome,
    checked.scored_at,
    checked.checked_by,
    checked.checked_at,
    dimensions.scores AS dimensions,
    findings.failed,
    findings.warned,
    alerts.open_alerts,
    alerts.alert_id
FROM checked
CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(scores.dimension, scores.score) FILTER (WHERE scores.dimension <> 'overall') AS scores
    FROM ops.data_quality_scores AS scores
    WHERE scores.run_id = checked.run_id AND scores.business_date = checked.business_date
) AS dimensions
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE results.status = 'fail') AS failed, count(*) FILTER (WHERE results.status = 'warn') AS warned
    FROM ops.data_quality_results AS results
    WHERE results.business_date = checked.business_date
        AND results.run_id = checked.checked_by
        AND results.status <> 'pass'
        AND results.severity <> 'info'
) AS findings
CROSS JOIN LATERAL (
    SELECT count(*) AS open_alerts, min(alert_id) AS alert_id
    FROM ops.alerts
    WHERE alerts.business_date = checked.business_date AND alerts.status <> 'resolved'
) AS alerts
ORDER BY checked.business_date DESC
