-- What share of a month's known customers bought more than once in it, and how much did they spend?
WITH latest AS (
    SELECT (date_trunc('month', max(business_date) + 1) - interval '1 month')::date AS month_start_date
    FROM mv_daily_sales_summary
),
transactions AS (
    SELECT retailer_key, customer_key, transaction_id, currency, sum(net_amount) AS net_amount
    FROM fact_sales
    WHERE date_key >= (SELECT to_char(month_start_date, 'YYYYMMDD')::integer FROM latest)
        AND date_key < (SELECT to_char(month_start_date + interval '1 month', 'YYYYMMDD')::integer FROM latest)
        AND line_type = 'sale'
    GROUP BY retailer_key, customer_key, transaction_id, currency
),
customer_month AS (
    SELECT
        sales.retailer_key, customer.customer_id, sales.currency,
        count(*) AS transaction_count, sum(sales.net_amount) AS net_amount
    FROM transactions AS sales
    JOIN dim_customer AS customer USING (customer_key)
    WHERE customer.customer_id <> 'GUEST'
    GROUP BY sales.retailer_key, customer.customer_id, sales.currency
)
SELECT
    retailer.retailer_name, months.currency, count(*) AS customers,
    count(*) FILTER (WHERE months.transaction_count > 1) AS repeat_customers,
    round(100.0 * count(*) FILTER (WHERE months.transaction_count > 1) / count(*), 1) AS repeat_percent,
    sum(months.net_amount) FILTER (WHERE months.transaction_count > 1) AS repeat_net_amount,
    sum(months.net_amount) AS net_amount
FROM customer_month AS months
JOIN dim_retailer AS retailer USING (retailer_key)
GROUP BY retailer.retailer_name, months.currency
ORDER BY retailer.retailer_name;
