-- How did each retailer trade day by day over the last ninety days, with the seven-day average?
SELECT
    business_date, retailer_name, currency, net_amount, transaction_count, average_transaction_amount,
    round(avg(net_amount) OVER (
        PARTITION BY retailer_id, currency ORDER BY business_date RANGE BETWEEN interval '6 days' PRECEDING AND CURRENT ROW
    ), 2) AS seven_day_average_amount,
    change_on_week_before_percent
FROM mv_daily_sales_summary
WHERE business_date > (SELECT max(business_date) - 90 FROM mv_daily_sales_summary)
ORDER BY retailer_name, currency, business_date;
