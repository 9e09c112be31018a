-- The obvious upsert of finished rows; runs again without another result.
INSERT INTO fact_sales
SELECT * FROM staged
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
    load_id = excluded.load_id;
