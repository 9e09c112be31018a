-- The sales of one business date, one row per retailer and currency. Reads a view that the pipeline has just refreshed.
SELECT
    business_date, retailer_id, retailer_name, currency, transaction_count, line_count, sales_amount, returns_amount, net_amount
FROM mv_daily_sales_summary
WHERE business_date = %(day)s
ORDER BY retailer_id, currency
