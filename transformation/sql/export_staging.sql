-- DuckDB. The conformed rows of some partitions in the column order of staged_sales (create_staging.sql), for COPY.
SELECT
    CAST(strftime(business_date, '%Y%m%d') AS INTEGER) AS date_key,
    transaction_id, line_id, line_type, sold_at, changed_at, store_id, product_id, customer_id, quantity, unit_price,
    total_amount, net_quantity, net_amount, currency
FROM conformed
WHERE business_date IN ($days)
ORDER BY date_key, transaction_id, line_id;
