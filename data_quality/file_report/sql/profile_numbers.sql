-- One row: the statistics of a number field. `counted` (value, n) is prepended: each value and its number of rows.
-- The median is the mean of the two middle rows; the deviation is the sample's (n - 1).
WITH measured AS (
    SELECT sum(n) AS filled, sum(n * value::DOUBLE) / sum(n) AS mean FROM counted WHERE value IS NOT NULL
),
ranked AS (
    SELECT value, sum(n) OVER (ORDER BY value) - n AS before, sum(n) OVER (ORDER BY value) AS upto
    FROM counted WHERE value IS NOT NULL
)
SELECT
    coalesce(sum(n), 0)::BIGINT AS rows,
    coalesce(any_value(filled), 0)::BIGINT AS filled,
    count(DISTINCT value) AS different,
    min(value)::VARCHAR AS minimum,
    max(value)::VARCHAR AS maximum,
    any_value(mean) AS mean,
    (
        SELECT (
            min(value) FILTER (before < (filled + 1) // 2 AND upto >= (filled + 1) // 2)::DOUBLE
            + min(value) FILTER (before < filled // 2 + 1 AND upto >= filled // 2 + 1)::DOUBLE
        ) / 2
        FROM ranked, measured
    ) AS median,
    CASE WHEN any_value(filled) > 1
        THEN sqrt(sum(n * (value::DOUBLE - mean) ** 2) / (any_value(filled) - 1)) END AS deviation
FROM counted, measured;
