-- Staged rows with their surrogate keys. Grain: one row per natural key and partition of the load.
CREATE TEMP TABLE resolved_sales ON COMMIT DROP AS
WITH staged_customers AS (
    SELECT DISTINCT customer_id FROM staged_sales
),
known_customers AS (
    SELECT
        customer_key, customer_id, valid_to,
        -- A sale before the first version belongs to the first.
        CASE
            WHEN row_number() OVER (PARTITION BY customer_id ORDER BY valid_from) = 1 THEN TIMESTAMPTZ '-infinity'
            ELSE valid_from
        END AS starts_at
    FROM dim_customer
    JOIN staged_customers USING (customer_id)
    WHERE retailer_key = %(retailer_key)s
        AND NOT EXISTS (
            SELECT FROM former_versions
            WHERE former_versions.customer_key = dim_customer.customer_key AND former_versions.is_dead
        )
)
SELECT
    staged.date_key, staged.transaction_id, staged.line_id, product.product_key, customer.customer_key, store.store_key,
    staged.customer_id, staged.line_type, staged.sold_at, staged.currency, staged.quantity, staged.unit_price,
    staged.total_amount, staged.net_quantity, staged.net_amount, staged.source_changed_at
FROM staged_sales AS staged
JOIN dim_product AS product ON product.retailer_key = %(retailer_key)s AND product.product_id = staged.product_id
JOIN dim_store AS store ON store.retailer_key = %(retailer_key)s AND store.store_id = staged.store_id
JOIN known_customers AS customer
    ON customer.customer_id = staged.customer_id
    AND staged.sold_at >= customer.starts_at
    AND staged.sold_at < customer.valid_to;
ANALYZE resolved_sales (date_key, transaction_id, line_id);
