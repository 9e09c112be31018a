-- Grain: each of the given retailers without a published load of the date.
SELECT retailer_id
FROM unnest(%(retailers)s::text[]) AS wanted (retailer_id)
WHERE NOT EXISTS (
    SELECT
    FROM ops.load_ledger AS ledger
    WHERE ledger.retailer_id = wanted.retailer_id AND ledger.business_date = %(business_date)s
)
ORDER BY retailer_id
