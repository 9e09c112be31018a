-- One row: rows that place their customer in a country, and those that place it where most rows of that customer do.
WITH placed AS (
    SELECT customer_id, sum(n) AS n, max(n) AS usual FROM report_customers
    WHERE customer_id IS NOT NULL AND customer_country IS NOT NULL AND customer_id <> $guest GROUP BY ALL
)
SELECT coalesce(sum(n), 0)::BIGINT AS placed_rows, coalesce(sum(usual), 0)::BIGINT AS usual FROM placed;
