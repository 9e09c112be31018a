-- Lines that point to an unknown member.
-- Grain: one row per slice with lines.
SELECT
    slice.retailer_id,
    slice.business_date,
    count(*) AS checked,
    count(*) FILTER (WHERE 0 IN (sale.product_key, sale.store_key, sale.customer_key, sale.retailer_key)) AS failed
FROM checked_slices AS slice
JOIN fact_sales AS sale USING (date_key, retailer_key)
WHERE sale.date_key = ANY (%(date_keys)s)
GROUP BY slice.retailer_id, slice.business_date
