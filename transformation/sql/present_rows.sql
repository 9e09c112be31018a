-- What the star holds of the dates being built. Grain of fact_sales.
SELECT
    date_key, transaction_id, line_id, product_key, customer_key, store_key, line_type, sold_at, currency, quantity,
    unit_price, total_amount, net_quantity, net_amount, source_changed_at, load_id
FROM fact_sales
WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s)
