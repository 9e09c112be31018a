-- Grain: a source of %(retailers)s (null: those that scheduled runs read) that was ever loaded, with its first loaded
-- business date and the start date that the warehouse knows of it (null: none).
SELECT source.retailer_id, first.business_date, known.start_date
FROM unnest(
    coalesce(
        %(retailers)s::text[],
        ARRAY(SELECT scheduled.retailer_id FROM ops.sources AS scheduled WHERE scheduled.is_scheduled)
    )
) AS source (retailer_id)
LEFT JOIN ops.sources AS known USING (retailer_id)
CROSS JOIN LATERAL (
    SELECT min(ledger.business_date) AS business_date
    FROM ops.load_ledger AS ledger
    WHERE ledger.retailer_id = source.retailer_id
) AS first
WHERE first.business_date IS NOT NULL
