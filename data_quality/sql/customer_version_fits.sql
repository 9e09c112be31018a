-- Lines that point to a version of their customer that was not valid at the time of sale. A sale before the first version
-- belongs to the first version.
-- Grain: one row per slice with lines.
SELECT
    slice.retailer_id,
    slice.business_date,
    count(*) AS checked,
    count(*) FILTER (
        WHERE sale.sold_at >= version.valid_to
            OR (
                sale.sold_at < version.valid_from
                AND EXISTS (
                    SELECT FROM dim_customer AS earlier
                    WHERE earlier.retailer_key = version.retailer_key
                        AND earlier.customer_id = version.customer_id
                        AND earlier.valid_from < version.valid_from
                )
            )
    ) AS failed
FROM checked_slices AS slice
JOIN fact_sales AS sale USING (date_key, retailer_key)
JOIN dim_customer AS version USING (customer_key)
WHERE sale.date_key = ANY (%(date_keys)s)
GROUP BY slice.retailer_id, slice.business_date
