-- How large is a basket? Lines, units and money of the transactions of the latest complete month.
WITH latest AS (
    SELECT max(date_trunc('month', business_date + 1) - interval '1 month')::date AS month_start_date
    FROM mv_daily_sales_summary
),
baskets AS (
    SELECT
        retailer_key, transaction_id, currency, count(*) AS line_count, sum(quantity) AS quantity,
        sum(total_amount) AS amount
    FROM fact_sales
    WHERE date_key >= (SELECT to_char(month_start_date, 'YYYYMMDD')::integer FROM latest)
        AND date_key < (SELECT to_char(month_start_date + interval '1 month', 'YYYYMMDD')::integer FROM latest)
        AND line_type = 'sale'
    GROUP BY retailer_key, transaction_id, currency
)
SELECT
    retailer.retailer_name, baskets.currency, count(*) AS baskets,
    round(avg(baskets.line_count), 1) AS average_lines, round(avg(baskets.quantity), 1) AS average_units,
    round(avg(baskets.amount), 2) AS average_amount,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY baskets.amount) AS median_amount
FROM baskets
JOIN dim_retailer AS retailer USING (retailer_key)
GROUP BY retailer.retailer_name, baskets.currency
ORDER BY retailer.retailer_name;
