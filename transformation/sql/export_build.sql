-- DuckDB. The built rows in the column order of fact_sales, as they were sorted: by its primary key.
SELECT
    date_key, retailer_key, transaction_id, line_id, product_key, customer_key, store_key, line_type, sold_at, currency,
    quantity, unit_price, total_amount, net_quantity, net_amount, source_changed_at, load_id
FROM built_rows;
