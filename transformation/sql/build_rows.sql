-- DuckDB. The rows of one month as fact_sales will hold them, sorted by its key. Grain: one row per natural key and date.
-- $is_built leaves out the month's dates that are merged. compare_build.sql finds what fact_sales already holds.
-- Filled here and by compare_build.sql; read by compare_build.sql, export_build.sql and summarise_build*.sql.
CREATE OR REPLACE TEMP TABLE built_rows AS
WITH resolved AS (
    SELECT
        {keyed_columns:sale;
            date_key=CAST(strftime(sale.business_date, '%Y%m%d') AS INTEGER) AS date_key;
            source_changed_at=sale.changed_at AS source_changed_at;
            product_key=product.product_key;
            customer_key=customer.customer_key;
            store_key=store.store_key
        }
    FROM conformed AS sale
    JOIN product_keys AS product USING (product_id)
    JOIN store_keys AS store USING (store_id)
    JOIN customer_keys AS customer
        ON customer.customer_id = sale.customer_id
        AND sale.sold_at >= customer.starts_at
        AND sale.sold_at < customer.valid_to
    WHERE sale.business_date BETWEEN DATE '$first_day' AND DATE '$last_day' AND $is_built
)
SELECT
    resolved.*,
    CAST($retailer_key AS SMALLINT) AS retailer_key,
    CAST($load_id AS BIGINT) AS load_id,
    'inserted' AS outcome
FROM resolved
ORDER BY date_key, transaction_id, line_id;
