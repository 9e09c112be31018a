-- How has the share of each product category in its retailer's revenue moved over the last twelve months?
SELECT month_start_date, retailer_name, category, net_amount, currency, share_of_month_percent, change_on_month_before_percent
FROM mv_monthly_sales_by_category
WHERE month_start_date > (SELECT max(month_start_date) FROM mv_monthly_sales_by_category) - interval '12 months'
ORDER BY retailer_name, currency, month_start_date, rank_in_month;
