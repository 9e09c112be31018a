-- One row: the statistics of a text field. `counted` (value, n) is prepended: each value and its number of rows.
SELECT
    coalesce(sum(n), 0)::BIGINT AS rows,
    coalesce(sum(n) FILTER (value IS NOT NULL), 0)::BIGINT AS filled,
    count(DISTINCT value) AS different,
    min(length(value)) AS shortest,
    max(length(value)) AS longest,
    (
        SELECT coalesce(list([value, n::VARCHAR] ORDER BY n DESC, value), [])
        FROM (SELECT value, n FROM counted WHERE value IS NOT NULL ORDER BY n DESC, value LIMIT $frequent)
    ) AS frequent
FROM counted;
