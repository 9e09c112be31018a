-- Lines that were sold on another day, by the retailer's own calendar. Where its time zone is unknown, nothing is checked.
-- Grain: one row per slice with lines.
WITH days AS (
    SELECT
        retailer_id,
        business_date,
        date_key,
        retailer_key,
        time_zone,
        business_date::timestamp AT TIME ZONE time_zone AS begins_at,
        (business_date + 1)::timestamp AT TIME ZONE time_zone AS ends_at
    FROM checked_slices
),
counted AS (
    SELECT
        days.date_key,
        days.retailer_key,
        count(*) AS lines,
        count(*) FILTER (WHERE sale.sold_at < days.begins_at OR sale.sold_at >= days.ends_at) AS failed
    FROM days
    JOIN fact_sales AS sale USING (date_key, retailer_key)
    WHERE sale.date_key = ANY (%(date_keys)s)
    GROUP BY days.date_key, days.retailer_key
),
judged AS (
    SELECT
        days.retailer_id,
        days.business_date,
        CASE WHEN days.time_zone IS NOT NULL THEN counted.lines END AS checked,
        counted.failed,
        'all on the date in ' || coalesce(days.time_zone, 'an unknown time zone') AS expected,
        to_char(counted.lines - counted.failed, 'FM999,999,999,990')
            || ' of ' || to_char(counted.lines, 'FM999,999,999,990') AS actual
    FROM counted
    JOIN days USING (date_key, retailer_key)
)
SELECT * FROM judged
