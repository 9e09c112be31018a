-- Staged rows with their surrogate keys. Grain: natural key x date that is merged.
-- Filled here; read by resolve_split_transactions.sql and classify_rows.sql.
CREATE TEMP TABLE keyed_sales ON COMMIT DROP AS
SELECT
    {keyed_columns:staged;
        product_key=product.product_key;
        customer_key=customer.customer_key;
        store_key=store.store_key
    }
FROM staged_sales AS staged
JOIN dim_product AS product ON product.retailer_key = %(retailer_key)s AND product.product_id = staged.product_id
JOIN dim_store AS store ON store.retailer_key = %(retailer_key)s AND store.store_id = staged.store_id
JOIN customer_keys AS customer
    ON customer.customer_id = staged.customer_id
    AND staged.sold_at >= customer.starts_at
    AND staged.sold_at < customer.valid_to;
ANALYZE keyed_sales (date_key, transaction_id, line_id);
