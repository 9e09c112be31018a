-- Lines whose total is not quantity times price, within half a minor unit or half of the price's last decimal for each unit,
-- or whose net amount is not the total less the discount and the tax that it includes.
-- Grain: one row per slice with lines.
SELECT
    slice.retailer_id,
    slice.business_date,
    count(*) AS checked,
    count(*) FILTER (WHERE
        abs(sale.total_amount - sale.quantity * sale.unit_price)
        > greatest(%(tolerance)s, sale.quantity * %(unit_tolerance)s)
        OR abs(sale.net_amount)
        <> sale.total_amount - sale.discount_amount - CASE WHEN sale.tax_included THEN coalesce(sale.tax_amount, 0) ELSE 0 END
    ) AS failed
FROM checked_slices AS slice
JOIN fact_sales AS sale USING (date_key, retailer_key)
WHERE sale.date_key = ANY (%(date_keys)s)
GROUP BY slice.retailer_id, slice.business_date
