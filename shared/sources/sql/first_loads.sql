-- Grain: a source of %(retailers)s that was ever loaded, with its first loaded business date.
SELECT source.retailer_id, first.business_date
FROM unnest(%(retailers)s::text[]) AS source (retailer_id)
CROSS JOIN LATERAL (
    SELECT min(ledger.business_date) AS business_date
    FROM ops.load_ledger AS ledger
    WHERE ledger.retailer_id = source.retailer_id
) AS first
WHERE first.business_date IS NOT NULL
