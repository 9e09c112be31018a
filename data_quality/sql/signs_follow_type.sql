-- Lines whose sign contradicts their type, or whose signed measures are not the unsigned ones.
-- Grain: one row per slice with lines.
SELECT
    slice.retailer_id,
    slice.business_date,
    count(*) AS checked,
    count(*) FILTER (WHERE
        (sale.line_type = 'sale' AND (sale.net_quantity < 0 OR sale.net_amount < 0))
        OR (sale.line_type = 'return' AND (sale.net_quantity > 0 OR sale.net_amount > 0))
        OR abs(sale.net_quantity) <> sale.quantity
        OR abs(sale.net_amount) <> sale.total_amount
    ) AS failed
FROM checked_slices AS slice
JOIN fact_sales AS sale USING (date_key, retailer_key)
WHERE sale.date_key = ANY (%(date_keys)s)
GROUP BY slice.retailer_id, slice.business_date
