-- Lines that were sold on another day, by the retailer's own calendar. Where its time zone is unknown, nothing is checked.
-- Grain: one row per slice with lines.
WITH counted AS (
    SELECT
        slice.retailer_id,
        slice.business_date,
        slice.time_zone,
        count(*) AS lines,
        count(*) FILTER (WHERE (sale.sold_at AT TIME ZONE slice.time_zone)::date <> slice.business_date) AS failed
    FROM checked_slices AS slice
    JOIN fact_sales AS sale USING (date_key, retailer_key)
    WHERE sale.date_key = ANY (%(date_keys)s)
    GROUP BY slice.retailer_id, slice.business_date, slice.time_zone
),
judged AS (
    SELECT
        retailer_id,
        business_date,
        CASE WHEN time_zone IS NOT NULL THEN lines END AS checked,
        failed,
        'all on the date in ' || coalesce(time_zone, 'an unknown time zone') AS expected,
        to_char(lines - failed, 'FM999,999,999,990') || ' of ' || to_char(lines, 'FM999,999,999,990') AS actual
    FROM counted
)
SELECT * FROM judged
