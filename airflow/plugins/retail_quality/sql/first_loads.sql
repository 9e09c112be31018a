-- Grain: a retailer of which anything was ever published, and its first business date.
SELECT dim_retailer.retailer_id, first.business_date
FROM dim_retailer
CROSS JOIN LATERAL (
    SELECT min(ledger.business_date) AS business_date
    FROM ops.load_ledger AS ledger
    WHERE ledger.retailer_id = dim_retailer.retailer_id
) AS first
WHERE first.business_date IS NOT NULL
ORDER BY dim_retailer.retailer_id
