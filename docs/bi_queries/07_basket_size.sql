-- How large is a basket, month by month? Units and money of an average transaction.
WITH months AS (
    SELECT
        date_trunc('month', business_date)::date AS month_start_date, retailer_name, currency,
        sum(transaction_count) AS transaction_count, sum(sold_quantity) AS sold_quantity,
        sum(sales_amount) AS sales_amount
    FROM mv_daily_sales_summary
    GROUP BY date_trunc('month', business_date), retailer_name, currency
)
SELECT
    month_start_date, retailer_name, transaction_count,
    round(sold_quantity / nullif(transaction_count, 0), 1) AS average_units,
    round(sales_amount / nullif(transaction_count, 0), 2) AS average_amount, currency
FROM months
ORDER BY retailer_name, currency, month_start_date;
