-- The lines of some dates of a source of which a later version is under another date. Reads only.
-- Grain of superseded_sales. `is_replaced` is false if no fact has that later version.
SELECT
    {staged_columns:old;
        product_id=coalesce(product.product_id, 'key ' || old.product_key);
        store_id=coalesce(store.store_id, 'key ' || old.store_key)
    },
    EXISTS (
        SELECT
        FROM ops.transaction_dates AS other
        JOIN fact_sales AS fact USING (retailer_key, transaction_id, date_key)
        WHERE other.retailer_key = old.retailer_key
            AND other.transaction_id = old.transaction_id
            AND other.date_key <> old.date_key
            AND fact.line_id = old.line_id
            AND fact.source_changed_at >= old.source_changed_at
    ) AS is_replaced
FROM ops.superseded_sales AS old
LEFT JOIN dim_product AS product USING (product_key, retailer_key)
LEFT JOIN dim_store AS store USING (store_key, retailer_key)
WHERE old.retailer_key = %(retailer_key)s AND old.date_key BETWEEN %(first_key)s AND %(last_key)s
