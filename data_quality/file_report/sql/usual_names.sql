-- One row: rows that name their product, and those that name it as most rows of that product do.
WITH named AS (
    SELECT product_id, sum(n) AS n, max(n) AS usual FROM report_products
    WHERE product_id IS NOT NULL AND product_name IS NOT NULL GROUP BY ALL
)
SELECT coalesce(sum(n), 0)::BIGINT AS named_rows, coalesce(sum(usual), 0)::BIGINT AS usual FROM named;
