-- Grain of fact_sales; runs again without effect. Unchanged rows are not even offered, and the WHERE keeps a row that
-- is already right from being written.
INSERT INTO fact_sales AS fact (
    date_key, retailer_key, transaction_id, line_id, product_key, customer_key, store_key, line_type, sold_at, currency,
    quantity, unit_price, total_amount, net_quantity, net_amount, source_changed_at, load_id
)
SELECT
    date_key, %(retailer_key)s, transaction_id, line_id, product_key, customer_key, store_key, line_type, sold_at, currency,
    quantity, unit_price, total_amount, net_quantity, net_amount, source_changed_at, %(load_id)s
FROM classified_sales
WHERE outcome IN ('inserted', 'updated')
ORDER BY date_key, transaction_id, line_id
ON CONFLICT (date_key, retailer_key, transaction_id, line_id) DO UPDATE SET
    product_key = excluded.product_key,
    customer_key = excluded.customer_key,
    store_key = excluded.store_key,
    line_type = excluded.line_type,
    sold_at = excluded.sold_at,
    currency = excluded.currency,
    quantity = excluded.quantity,
    unit_price = excluded.unit_price,
    total_amount = excluded.total_amount,
    net_quantity = excluded.net_quantity,
    net_amount = excluded.net_amount,
    source_changed_at = excluded.source_changed_at,
    load_id = excluded.load_id
WHERE (
    fact.product_key, fact.customer_key, fact.store_key, fact.line_type, fact.sold_at, fact.currency, fact.quantity,
    fact.unit_price, fact.total_amount, fact.net_quantity, fact.net_amount, fact.source_changed_at
) IS DISTINCT FROM (
    excluded.product_key, excluded.customer_key, excluded.store_key, excluded.line_type, excluded.sold_at, excluded.currency,
    excluded.quantity, excluded.unit_price, excluded.total_amount, excluded.net_quantity, excluded.net_amount,
    excluded.source_changed_at
);
