-- Lines whose date, product, store or customer does not exist or belongs to another retailer. Key 0 belongs to everyone.
-- Grain: one row per slice with lines.
SELECT
    slice.retailer_id,
    slice.business_date,
    count(*) AS checked,
    count(*) FILTER (
        WHERE day.date_key IS NULL
            OR product.product_key IS NULL
            OR store.store_key IS NULL
            OR customer.customer_key IS NULL
            OR (product.retailer_key <> sale.retailer_key AND product.product_key <> 0)
            OR (store.retailer_key <> sale.retailer_key AND store.store_key <> 0)
            OR (customer.retailer_key <> sale.retailer_key AND customer.customer_key <> 0)
    ) AS failed
FROM checked_slices AS slice
JOIN fact_sales AS sale USING (date_key, retailer_key)
LEFT JOIN dim_date AS day USING (date_key)
LEFT JOIN dim_product AS product USING (product_key)
LEFT JOIN dim_store AS store USING (store_key)
LEFT JOIN dim_customer AS customer USING (customer_key)
WHERE sale.date_key = ANY (%(date_keys)s)
GROUP BY slice.retailer_id, slice.business_date
