-- Grain: a check of a retailer in the newest run that checked this business date; failed checks first, the most severe at the top.
WITH newest AS (
    SELECT run_id
    FROM ops.data_quality_results
    WHERE business_date = %(day)s
    ORDER BY checked_at DESC
    LIMIT 1
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
JOIN newest USING (run_id)
WHERE results.business_date = %(day)s
ORDER BY
    array_position(ARRAY['fail', 'warn', 'pass'], results.status),
    array_position(ARRAY['critical', 'warning', 'info'], results.severity),
    results.dimension,
    results.check_name,
    results.retailer_id
