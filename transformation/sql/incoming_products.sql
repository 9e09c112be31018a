-- DuckDB. The attributes of each product in the loaded records: the greatest (time of sale, name, category).
-- Grain: product. Texts compare by their bytes, as COLLATE "C" does in the warehouse.
WITH descriptions AS (
    SELECT product_id, product_name, product_category, max(product_as_of) AS product_as_of
    FROM conformed
    GROUP BY product_id, product_name, product_category
)
SELECT DISTINCT ON (product_id) product_id, product_name, product_category, product_as_of
FROM descriptions
ORDER BY product_id, product_as_of DESC, product_name DESC, product_category DESC;
