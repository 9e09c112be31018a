-- Lines whose total is not quantity times price, within half a minor unit.
-- Grain: one row per slice with lines.
SELECT
    slice.retailer_id,
    slice.business_date,
    count(*) AS checked,
    count(*) FILTER (WHERE abs(sale.total_amount - sale.quantity * sale.unit_price) > %(tolerance)s) AS failed
FROM checked_slices AS slice
JOIN fact_sales AS sale USING (date_key, retailer_key)
WHERE sale.date_key = ANY (%(date_keys)s)
GROUP BY slice.retailer_id, slice.business_date
