-- Grain: a check of a retailer in the newest run that checked its business date; failed checks first, the most severe at the top.
WITH newest AS (
    SELECT DISTINCT ON (retailer_id) retailer_id, run_id, checked_at
    FROM ops.data_quality_results
    WHERE business_date = %(day)s
    ORDER BY retailer_id, checked_at DESC
)
SELECT
    results.check_name,
    results.retailer_id,
    results.dimension,
    results.severity,
    results.status,
    results.score::float8 AS score,
    results.threshold::float8 AS threshold,
    results.expected,
    results.actual,
    results.message
FROM ops.data_quality_results AS results
JOIN newest USING (retailer_id, run_id, checked_at)
WHERE results.business_date = %(day)s
ORDER BY
    array_position(ARRAY['fail', 'warn', 'not_checked', 'pass'], results.status),
    array_position(ARRAY['critical', 'warning', 'info'], results.severity),
    results.dimension,
    results.check_name,
    results.retailer_id
