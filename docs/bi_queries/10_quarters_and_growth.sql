-- How does each quarter compare with the one before and with the same quarter a year before?
SELECT
    quarter_name, retailer_name, net_amount, currency, average_transaction_amount, change_on_quarter_before_percent,
    change_on_year_before_percent, is_complete
FROM mv_quarterly_sales_summary
ORDER BY retailer_name, currency, quarter_start_date;
