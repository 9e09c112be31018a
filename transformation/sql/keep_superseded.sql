-- The losers of the loaded partitions; replaced per partition, so it can run again. Grain of superseded_sales.
DELETE FROM superseded_sales
WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s);

INSERT INTO superseded_sales (
    date_key, retailer_key, transaction_id, line_id, product_key, customer_id, store_key, line_type, sold_at, currency,
    quantity, unit_price, total_amount, net_quantity, net_amount, source_changed_at
)
SELECT
    date_key, %(retailer_key)s, transaction_id, line_id, product_key, customer_id, store_key, line_type, sold_at, currency,
    quantity, unit_price, total_amount, net_quantity, net_amount, source_changed_at
FROM classified_sales
WHERE outcome = 'superseded';
