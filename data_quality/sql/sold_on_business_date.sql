-- Lines that were sold on another day, by the retailer's own calendar.
-- Grain: one row per slice with lines.
SELECT
    slice.retailer_id,
    slice.business_date,
    count(*) AS checked,
    count(*) FILTER (WHERE
        (sale.sold_at AT TIME ZONE coalesce(slice.time_zone, 'UTC'))::date <> slice.business_date
    ) AS failed
FROM checked_slices AS slice
JOIN fact_sales AS sale USING (date_key, retailer_key)
WHERE sale.date_key = ANY (%(date_keys)s)
GROUP BY slice.retailer_id, slice.business_date
