-- Grain: a retailer of those asked for of which nothing has been published for the date.
SELECT retailer_id
FROM unnest(%(retailers)s::text[]) AS asked (retailer_id)
WHERE NOT EXISTS (
    SELECT
    FROM ops.load_ledger AS ledger
    WHERE ledger.retailer_id = asked.retailer_id AND ledger.business_date = %(business_date)s
)
ORDER BY retailer_id
