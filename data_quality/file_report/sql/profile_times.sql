-- One row: the statistics of a time field. `counted` (value, n) is prepended: each value and its number of rows.
SELECT
    coalesce(sum(n), 0)::BIGINT AS rows,
    coalesce(sum(n) FILTER (value IS NOT NULL), 0)::BIGINT AS filled,
    count(DISTINCT value) AS different,
    min(value)::VARCHAR AS minimum,
    max(value)::VARCHAR AS maximum
FROM counted;
