-- What stays of a month that is replaced: other retailers' rows, and those of dates outside the load.
INSERT INTO {build} (
    date_key, retailer_key, transaction_id, line_id, product_key, customer_key, store_key, line_type, sold_at, currency,
    quantity, unit_price, total_amount, net_quantity, net_amount, source_changed_at, load_id
)
SELECT
    date_key, retailer_key, transaction_id, line_id, product_key, customer_key, store_key, line_type, sold_at, currency,
    quantity, unit_price, total_amount, net_quantity, net_amount, source_changed_at, load_id
FROM fact_sales
WHERE date_key >= %(first_key)s
    AND date_key <= %(last_key)s
    AND NOT (retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s));
