-- Lines whose sign contradicts their type, or whose signed measures are not the unsigned ones.
-- Grain: one row per slice with lines.
SELECT
    slice.retailer_id,
    slice.business_date,
    count(*) AS checked,
    count(*) FILTER (WHERE
        (sale.line_type = 'sale' AND least(sale.net_quantity, sale.net_amount, sale.net_tax_amount) < 0)
        OR (sale.line_type = 'return' AND greatest(sale.net_quantity, sale.net_amount, sale.net_tax_amount) > 0)
        OR sale.net_amount * sale.net_tax_amount < 0
        OR abs(sale.net_quantity) <> sale.quantity
        OR abs(sale.net_tax_amount) IS DISTINCT FROM sale.tax_amount
    ) AS failed
FROM checked_slices AS slice
JOIN fact_sales AS sale USING (date_key, retailer_key)
WHERE sale.date_key = ANY (%(date_keys)s)
GROUP BY slice.retailer_id, slice.business_date
