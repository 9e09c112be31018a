-- Lines in a currency that the source does not have. Where its currencies are unknown, those of ISO 4217 are allowed.
-- Reads the daily summary, which has every currency and is smaller.
-- Grain: one row per slice with lines; the texts name the currencies.
WITH currencies AS (
    SELECT
        slice.retailer_id,
        slice.business_date,
        slice.currencies,
        daily.currency,
        sum(daily.line_count) AS lines
    FROM checked_slices AS slice
    JOIN fact_daily_sales AS daily USING (date_key, retailer_key)
    WHERE daily.date_key = ANY (%(date_keys)s)
    GROUP BY slice.retailer_id, slice.business_date, slice.currencies, daily.currency
),
counted AS (
    SELECT
        retailer_id,
        business_date,
        sum(lines) AS checked,
        coalesce(
            sum(lines) FILTER (WHERE currency <> ALL (coalesce(currencies, %(all_currencies)s::text[]))), 0
        ) AS failed,
        'only ' || coalesce(array_to_string(currencies, ', '), 'currencies of ISO 4217') AS expected,
        string_agg(to_char(lines, 'FM999,999,999,990') || ' in ' || currency, ', ' ORDER BY currency) AS actual
    FROM currencies
    GROUP BY retailer_id, business_date, currencies
)
SELECT * FROM counted
