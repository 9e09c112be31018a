-- The transaction counts of some dates of a source, with the source's own identifiers. Reads only.
-- Grain of fact_daily_transactions.
SELECT
    summary.date_key,
    coalesce(store.store_id, 'key ' || summary.store_key),
    summary.currency, summary.transaction_count, summary.customer_count
FROM fact_daily_transactions AS summary
LEFT JOIN dim_store AS store USING (store_key, retailer_key)
WHERE summary.retailer_key = %(retailer_key)s AND summary.date_key BETWEEN %(first_key)s AND %(last_key)s
