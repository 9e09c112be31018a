-- When do people buy? Transactions and revenue by hour of the retailer's own day, over the last 28 days.
WITH latest AS (
    SELECT max(business_date) AS business_date FROM mv_daily_sales_summary
),
hours AS (
    SELECT
        sales.retailer_key, sales.currency,
        extract(hour FROM sales.sold_at AT TIME ZONE coalesce(retailer.time_zone, 'UTC'))::integer AS hour_of_day,
        count(DISTINCT sales.transaction_id) AS transaction_count, sum(sales.net_amount) AS net_amount
    FROM fact_sales AS sales
    JOIN dim_retailer AS retailer USING (retailer_key)
    WHERE sales.date_key > (SELECT to_char(business_date - 28, 'YYYYMMDD')::integer FROM latest)
        AND sales.line_type = 'sale'
    GROUP BY sales.retailer_key, sales.currency, hour_of_day
)
SELECT retailer.retailer_name, hours.hour_of_day, hours.transaction_count, hours.net_amount, hours.currency
FROM hours
JOIN dim_retailer AS retailer USING (retailer_key)
ORDER BY retailer.retailer_name, hours.currency, hours.hour_of_day;
