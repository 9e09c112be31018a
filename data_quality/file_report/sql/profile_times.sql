-- One row: what there is to say of a time. `counted` (value, n) is put before it: each value and how many rows have it.
SELECT
    coalesce(sum(n), 0)::BIGINT AS rows,
    coalesce(sum(n) FILTER (value IS NOT NULL), 0)::BIGINT AS filled,
    count(DISTINCT value) AS different,
    min(value)::VARCHAR AS minimum,
    max(value)::VARCHAR AS maximum
FROM counted;
