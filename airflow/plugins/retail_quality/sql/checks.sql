-- Grain: a check of a retailer, from the newest check of its business date; failed checks first, the most severe at the top.
WITH results AS (
    SELECT
        *,
        checked_at = max(checked_at) OVER (PARTITION BY retailer_id) AS is_newest
    FROM ops.data_quality_results
    WHERE business_date = %(day)s
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
FROM results
WHERE results.is_newest
ORDER BY
    array_position(ARRAY['fail', 'warn', 'not_checked', 'pass'], results.status),
    array_position(ARRAY['critical', 'warning', 'info'], results.severity),
    results.dimension,
    results.check_name,
    results.retailer_id
