-- Lines against the median of the same weekday in the weeks before; the date itself is left out of its baseline. With
-- fewer weeks than needed there is nothing to compare with. Reads the daily summary.
-- Grain: one row per retailer published for the requested date.
WITH volumes AS (
    SELECT slice.retailer_key, weeks_before, sum(daily.line_count) AS line_count
    FROM checked_slices AS slice
    CROSS JOIN generate_series(0, %(weeks)s) AS weeks_before
    JOIN fact_daily_sales AS daily
        ON daily.date_key = to_char(slice.business_date - 7 * weeks_before, 'YYYYMMDD')::integer
        AND daily.retailer_key = slice.retailer_key
    WHERE slice.is_target AND slice.load_id IS NOT NULL
    GROUP BY slice.retailer_key, weeks_before
),
baselines AS (
    SELECT
        slice.retailer_id,
        slice.business_date,
        count(*) FILTER (WHERE weeks_before > 0) >= %(fewest_weeks)s AS is_comparable,
        round(percentile_cont(0.5) WITHIN GROUP (ORDER BY line_count) FILTER (WHERE weeks_before > 0)) AS usual,
        coalesce(sum(line_count) FILTER (WHERE weeks_before = 0), 0) AS present
    FROM checked_slices AS slice
    LEFT JOIN volumes USING (retailer_key)
    WHERE slice.is_target AND slice.load_id IS NOT NULL
    GROUP BY slice.retailer_id, slice.business_date
),
differences AS (
    SELECT
        retailer_id,
        business_date,
        CASE WHEN is_comparable THEN greatest(usual::numeric, present) ELSE 0 END AS checked,
        CASE WHEN is_comparable THEN abs(usual::numeric - present) ELSE 0 END AS failed,
        CASE WHEN is_comparable THEN 'about ' || to_char(usual, 'FM999,999,999,990') ELSE 'too few weeks to say' END AS expected,
        present AS actual
    FROM baselines
)
SELECT * FROM differences
