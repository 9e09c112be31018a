-- Rows of dates of which the star holds nothing yet, and whose transactions stand under no other date: all are new.
-- Grain of fact_sales. A row without its dimension members is left out, which the caller notices by the count.
INSERT INTO fact_sales (
    date_key, retailer_key, transaction_id, line_id, product_key, customer_key, store_key, line_type, sold_at, currency,
    quantity, unit_price, total_amount, net_quantity, net_amount, source_changed_at, load_id
)
SELECT
    staged.date_key, %(retailer_key)s, staged.transaction_id, staged.line_id, product.product_key, customer.customer_key,
    store.store_key, staged.line_type, staged.sold_at, staged.currency, staged.quantity, staged.unit_price,
    staged.total_amount, staged.net_quantity, staged.net_amount, staged.source_changed_at, %(load_id)s
FROM staged_sales AS staged
JOIN dim_product AS product ON product.retailer_key = %(retailer_key)s AND product.product_id = staged.product_id
JOIN dim_store AS store ON store.retailer_key = %(retailer_key)s AND store.store_id = staged.store_id
JOIN customer_keys AS customer
    ON customer.customer_id = staged.customer_id
    AND staged.sold_at >= customer.starts_at
    AND staged.sold_at < customer.valid_to
ORDER BY staged.date_key, staged.transaction_id, staged.line_id;
