-- Grain: each unresolved alert about quality whose cause is gone: an alert of the date that has just passed
-- (%(passed)s); a critical one of the date that has only warnings now (%(warned)s); and one of any date where each
-- finding of its run is about a slice (retailer and date) that has passed every check since, such as after a later run.
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
        WHERE alerts.kind = 'quality_violation' AND alerts.status <> 'resolved' AND finding.status <> 'pass'
    )
),

doubtful AS (
    SELECT DISTINCT retailer_id, business_date
    FROM slices
    WHERE is_latest AND status <> 'pass'
)

UPDATE ops.alerts AS alerts
SET status = 'resolved', resolved_at = %(now)s, resolved_by = %(by)s
WHERE alerts.kind = 'quality_violation'
    AND alerts.status <> 'resolved'
    AND (
        alerts.business_date = %(passed)s
        OR alerts.business_date = %(warned)s AND alerts.severity = 'critical'
        OR EXISTS (
            SELECT
            FROM ops.data_quality_results AS finding
            WHERE finding.run_id = alerts.run_id AND finding.status <> 'pass'
        )
        AND NOT EXISTS (
            SELECT
            FROM ops.data_quality_results AS finding
            INNER JOIN doubtful USING (retailer_id, business_date)
            WHERE finding.run_id = alerts.run_id AND finding.status <> 'pass'
        )
    )
RETURNING *
