-- DuckDB. The transactions that each partition holds lines of. Grain of ops.transaction_dates.
SELECT DISTINCT transaction_id, CAST(strftime(business_date, '%Y%m%d') AS INTEGER) AS date_key
FROM conformed
ORDER BY transaction_id, date_key;
