-- Grain of fact_sales. Only rows new to the star are written; what is there stays as it is.
INSERT INTO fact_sales ({fact_columns})
SELECT
    {fact_columns; retailer_key=%(retailer_key)s; load_id=%(load_id)s}
FROM classified_sales
WHERE outcome = 'inserted'
ORDER BY date_key, transaction_id, line_id
ON CONFLICT (date_key, retailer_key, transaction_id, line_id) DO NOTHING;
