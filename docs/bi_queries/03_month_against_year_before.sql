-- How does each month compare with the same month a year before?
WITH months AS (
    SELECT
        date_trunc('month', business_date)::date AS month_start_date, retailer_id, retailer_name, currency,
        sum(net_amount) AS net_amount, sum(transaction_count) AS transaction_count
    FROM mv_daily_sales_summary
    GROUP BY date_trunc('month', business_date), retailer_id, retailer_name, currency
)
SELECT
    this_year.month_start_date, this_year.retailer_name, this_year.net_amount, this_year.currency,
    year_before.net_amount AS year_before_net_amount,
    round(100 * (this_year.net_amount / nullif(year_before.net_amount, 0) - 1), 1) AS change_percent,
    this_year.transaction_count - year_before.transaction_count AS more_transactions
FROM months AS this_year
LEFT JOIN months AS year_before
    ON year_before.month_start_date = (this_year.month_start_date - interval '1 year')::date
    AND year_before.retailer_id = this_year.retailer_id
    AND year_before.currency = this_year.currency
ORDER BY this_year.retailer_name, this_year.currency, this_year.month_start_date;
