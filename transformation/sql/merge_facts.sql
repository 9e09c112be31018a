-- Writes the new and changed rows. Grain and key of fact_sales, so it runs again without effect: unchanged rows are not
-- in the input, and the WHERE keeps a row that is already right from being written.
INSERT INTO fact_sales AS fact ({fact_columns})
SELECT
    {fact_columns; retailer_key=%(retailer_key)s; load_id=%(load_id)s}
FROM classified_sales
WHERE outcome IN ('inserted', 'updated')
ORDER BY date_key, transaction_id, line_id
ON CONFLICT (date_key, retailer_key, transaction_id, line_id) DO UPDATE SET
    {assigned_columns}
WHERE ({compared_columns:fact}) IS DISTINCT FROM ({compared_columns:excluded});
