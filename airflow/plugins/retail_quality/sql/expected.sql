-- Grain: a source that scheduled runs read and that was ever loaded, with its start date (null: none) and its first loaded
-- business date.
SELECT source.retailer_id, source.start_date, first.business_date AS first_load
FROM ops.sources AS source
CROSS JOIN LATERAL (
    SELECT min(ledger.business_date) AS business_date
    FROM ops.load_ledger AS ledger
    WHERE ledger.retailer_id = source.retailer_id
) AS first
WHERE source.is_scheduled AND first.business_date IS NOT NULL
