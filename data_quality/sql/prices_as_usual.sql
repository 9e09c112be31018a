-- Sale lines whose price is far from the product's mean price in the days before; the date itself is left out. Products
-- with too few lines to know a usual price, and free lines, are not checked. Reads the daily summary for the past.
-- Grain: one row per slice with lines to check.
WITH usual_prices AS (
    SELECT
        slice.retailer_id,
        slice.business_date,
        daily.product_key,
        daily.currency,
        sum(daily.sales_amount) / sum(daily.sold_quantity) AS usual_price
    FROM checked_slices AS slice
    JOIN fact_daily_sales AS daily
        ON daily.retailer_key = slice.retailer_key
        AND daily.date_key < slice.date_key
        AND daily.date_key >= to_char(slice.business_date - %(days)s, 'YYYYMMDD')::integer
    WHERE slice.is_target AND daily.item_type = 'product'
    GROUP BY slice.retailer_id, slice.business_date, daily.product_key, daily.currency
    HAVING sum(daily.sold_quantity) > 0 AND sum(daily.sales_amount) > 0 AND sum(daily.line_count) >= %(fewest_lines)s
),
judged AS (
    SELECT
        slice.retailer_id,
        slice.business_date,
        count(*) AS checked,
        count(*) FILTER (
            WHERE sale.unit_price > usual.usual_price * %(factor)s OR sale.unit_price * %(factor)s < usual.usual_price
        ) AS failed
    FROM checked_slices AS slice
    JOIN fact_sales AS sale USING (date_key, retailer_key)
    JOIN usual_prices AS usual
        ON usual.retailer_id = slice.retailer_id
        AND usual.business_date = slice.business_date
        AND usual.product_key = sale.product_key
        AND usual.currency = sale.currency
    WHERE sale.date_key = %(date_key)s AND sale.line_type = 'sale' AND sale.item_type = 'product'
        AND sale.unit_price > 0
    GROUP BY slice.retailer_id, slice.business_date
)
SELECT * FROM judged
