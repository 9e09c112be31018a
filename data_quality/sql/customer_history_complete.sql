-- Customers of the slice whose versions leave a gap, overlap, or do not end open and current.
-- Grain: one row per slice with lines; counts customers.
WITH buyers AS (
    SELECT DISTINCT slice.retailer_id, slice.business_date, customer.retailer_key, customer.customer_id
    FROM checked_slices AS slice
    JOIN fact_sales AS sale USING (date_key, retailer_key)
    JOIN dim_customer AS customer USING (customer_key)
    WHERE sale.date_key = ANY (%(date_keys)s)
),
versions AS (
    SELECT
        buyers.retailer_id,
        buyers.business_date,
        buyers.retailer_key,
        buyers.customer_id,
        version.valid_to,
        version.is_current,
        lead(version.valid_from) OVER (
            PARTITION BY buyers.retailer_id, buyers.business_date, buyers.retailer_key, buyers.customer_id
            ORDER BY version.valid_from
        ) AS next_valid_from
    FROM buyers
    JOIN dim_customer AS version USING (retailer_key, customer_id)
),
histories AS (
    SELECT
        retailer_id,
        business_date,
        retailer_key,
        customer_id,
        bool_and(
            valid_to = coalesce(next_valid_from, TIMESTAMPTZ '9999-12-31 00:00+00')
            AND is_current = (next_valid_from IS NULL)
        ) AS is_complete
    FROM versions
    GROUP BY retailer_id, business_date, retailer_key, customer_id
),
counted AS (
    SELECT
        retailer_id,
        business_date,
        count(*) AS checked,
        count(*) FILTER (WHERE NOT is_complete) AS failed
    FROM histories
    GROUP BY retailer_id, business_date
)
SELECT * FROM counted
