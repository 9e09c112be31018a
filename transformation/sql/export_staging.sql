-- DuckDB. The conformed partition in the column order of staged_sales (create_staging.sql), for COPY.
SELECT
    CAST(strftime(business_date, '%Y%m%d') AS INTEGER) AS date_key,
    transaction_id, line_id, line_type, sold_at, changed_at, store_id, store_name, store_city, store_country, store_as_of,
    product_id, product_name, product_category, product_as_of, customer_id, customer_name, customer_segment, customer_city,
    customer_country, customer_observed_at, quantity, unit_price, total_amount, net_quantity, net_amount, currency
FROM conformed;
