-- Lines of products without a name.
-- Grain: one row per slice with lines.
SELECT
    slice.retailer_id,
    slice.business_date,
    count(*) AS checked,
    count(*) FILTER (WHERE product.product_name = 'Unknown') AS failed
FROM checked_slices AS slice
JOIN fact_sales AS sale USING (date_key, retailer_key)
JOIN dim_product AS product USING (product_key)
WHERE sale.date_key = ANY (%(date_keys)s)
GROUP BY slice.retailer_id, slice.business_date
