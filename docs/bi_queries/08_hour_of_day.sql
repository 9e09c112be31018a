-- When do customers buy? Transactions and revenue by hour of the retailer's own day, over the last 28 days.
WITH latest AS (
    SELECT max(business_date) AS business_date FROM mv_daily_sales_summary
),
transactions AS (
    SELECT retailer_key, transaction_id, currency, sold_at, sum(net_amount) AS net_amount
    FROM fact_sales
    WHERE date_key > (SELECT to_char(business_date - 28, 'YYYYMMDD')::integer FROM latest)
        AND line_type = 'sale'
    GROUP BY retailer_key, transaction_id, currency, sold_at
),
hours AS (
    SELECT
        retailer.retailer_name, sales.currency,
        extract(hour FROM sales.sold_at AT TIME ZONE coalesce(retailer.time_zone, 'UTC'))::integer AS hour_of_day,
        count(DISTINCT sales.transaction_id) AS transaction_count, sum(sales.net_amount) AS net_amount
    FROM transactions AS sales
    JOIN dim_retailer AS retailer USING (retailer_key)
    GROUP BY retailer.retailer_name, sales.currency, hour_of_day
)
SELECT retailer_name, hour_of_day, transaction_count, net_amount, currency
FROM hours
ORDER BY retailer_name, currency, hour_of_day;
