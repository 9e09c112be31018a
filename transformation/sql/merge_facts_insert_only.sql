-- Writes the new rows only; rows that are there stay as they are. Grain and key of fact_sales, so it can run again.
INSERT INTO fact_sales ({fact_columns})
SELECT
    {fact_columns; retailer_key=%(retailer_key)s; load_id=%(load_id)s}
FROM classified_sales
WHERE outcome = 'inserted'
ORDER BY date_key, transaction_id, line_id
ON CONFLICT (date_key, retailer_key, transaction_id, line_id) DO NOTHING;
