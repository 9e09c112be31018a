-- DuckDB. The attributes of each store in the loaded records: the greatest (time of sale, name, city, country).
-- Grain: store. Texts compare by their bytes, as COLLATE "C" does in the warehouse; null is less than any text.
WITH descriptions AS (
    SELECT store_id, store_name, store_city, store_country, max(store_as_of) AS store_as_of
    FROM conformed
    GROUP BY store_id, store_name, store_city, store_country
)
SELECT DISTINCT ON (store_id) store_id, store_name, store_city, store_country, store_as_of
FROM descriptions
ORDER BY store_id, store_as_of DESC, store_name DESC NULLS LAST, store_city DESC NULLS LAST,
    store_country DESC NULLS LAST;
