-- DuckDB. Grain of fact_daily_transactions, in the order of its key and columns.
SELECT
    date_key, retailer_key, store_key, currency,
    CAST(count(DISTINCT transaction_id) AS INTEGER) AS transaction_count,
    CAST(count(DISTINCT customer_id) FILTER (WHERE customer_id <> 'GUEST') AS INTEGER) AS customer_count
FROM built_rows
WHERE line_type = 'sale'
GROUP BY date_key, retailer_key, store_key, currency
ORDER BY date_key, retailer_key, store_key, currency;
