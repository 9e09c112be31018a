-- Grain: each unresolved alert about quality whose cause is gone.
-- An alert about a date: the date has just passed (%(passed)s); it is critical and the date has only warnings now
-- (%(warned)s); or each finding of its run is about a slice (retailer and date) that has passed every check since, such
-- as after a later run. An alert about one retailer's date: the latest check of that slice has not failed.
WITH slices AS (
    SELECT
        results.retailer_id,
        results.business_date,
        results.status,
        results.checked_at = max(results.checked_at) OVER (
            PARTITION BY results.retailer_id, results.business_date
        ) AS is_latest
    FROM ops.data_quality_results AS results
    WHERE results.business_date IN (
        SELECT finding.business_date
        FROM ops.alerts AS alerts
        INNER JOIN ops.data_quality_results AS finding USING (run_id)
        WHERE alerts.kind = 'quality_violation'
            AND alerts.status <> 'resolved'
            AND finding.status IN ('warn', 'fail')
    )
),

doubtful AS (
    SELECT retailer_id, business_date, bool_or(status = 'fail') AS has_failed
    FROM slices
    WHERE is_latest AND status IN ('warn', 'fail')
    GROUP BY retailer_id, business_date
)

UPDATE ops.alerts AS alerts
SET status = 'resolved', resolved_at = %(now)s, resolved_by = %(by)s
WHERE alerts.kind = 'quality_violation'
    AND alerts.status <> 'resolved'
    AND CASE
        WHEN alerts.retailer_id IS NOT NULL THEN
            EXISTS (
                SELECT
                FROM slices
                WHERE slices.retailer_id = alerts.retailer_id AND slices.business_date = alerts.business_date
            )
            AND NOT EXISTS (
                SELECT
                FROM doubtful
                WHERE doubtful.retailer_id = alerts.retailer_id
                    AND doubtful.business_date = alerts.business_date
                    AND doubtful.has_failed
            )
        ELSE
            alerts.business_date = %(passed)s
            OR alerts.business_date = %(warned)s AND alerts.severity = 'critical'
            OR EXISTS (
                SELECT
                FROM ops.data_quality_results AS finding
                WHERE finding.run_id = alerts.run_id AND finding.status IN ('warn', 'fail')
            )
            AND NOT EXISTS (
                SELECT
                FROM ops.data_quality_results AS finding
                INNER JOIN doubtful USING (retailer_id, business_date)
                WHERE finding.run_id = alerts.run_id AND finding.status IN ('warn', 'fail')
            )
    END
RETURNING *
