-- DuckDB. The rows of one month as fact_sales will hold them, sorted by its key. Grain: one row per natural key and date.
-- $is_built leaves out the month's dates that are merged. What the star already holds is found by compare_build.sql.
CREATE OR REPLACE TEMP TABLE built_rows AS
WITH resolved AS (
    SELECT
        CAST(strftime(sale.business_date, '%Y%m%d') AS INTEGER) AS date_key,
        sale.transaction_id, sale.line_id, product.product_key, customer.customer_key, store.store_key,
        sale.customer_id, sale.line_type, sale.sold_at, sale.currency, sale.quantity, sale.unit_price,
        sale.total_amount, sale.net_quantity, sale.net_amount, sale.changed_at AS source_changed_at
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
    date_key, CAST($retailer_key AS SMALLINT) AS retailer_key, transaction_id, line_id, product_key, customer_key, store_key, line_type,
    sold_at, currency, quantity, unit_price, total_amount, net_quantity, net_amount, source_changed_at,
    CAST($load_id AS BIGINT) AS load_id, customer_id, 'inserted' AS outcome
FROM resolved
ORDER BY date_key, transaction_id, line_id;
