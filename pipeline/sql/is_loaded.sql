-- Grain: one row if a load of the source has published the business date, else none.
SELECT 1
FROM ops.load_ledger
WHERE retailer_id = %(retailer_id)s AND business_date = %(day)s
LIMIT 1
