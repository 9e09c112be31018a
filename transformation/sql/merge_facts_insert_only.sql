-- Grain of fact_sales. Only rows new to the star are written; what is there stays as it is.
INSERT INTO fact_sales (
    date_key, retailer_key, transaction_id, line_id, product_key, customer_key, store_key, line_type, sold_at, currency,
    quantity, unit_price, total_amount, net_quantity, net_amount, source_changed_at, load_id
)
SELECT
    date_key, %(retailer_key)s, transaction_id, line_id, product_key, customer_key, store_key, line_type, sold_at, currency,
    quantity, unit_price, total_amount, net_quantity, net_amount, source_changed_at, %(load_id)s
FROM classified_sales
WHERE outcome = 'inserted'
ORDER BY date_key, transaction_id, line_id
ON CONFLICT (date_key, retailer_key, transaction_id, line_id) DO NOTHING;
