-- Grain: a source of which scheduled runs expect data, and the first business date that can be missing: its start date, or
-- the first that was loaded; of one that never was, the day on which it was defined.
SELECT
    source.retailer_id,
    coalesce(source.start_date, first.business_date, (source.first_seen_at AT TIME ZONE 'UTC')::date) AS business_date
FROM ops.sources AS source
CROSS JOIN LATERAL (
    SELECT min(ledger.business_date) AS business_date
    FROM ops.load_ledger AS ledger
    WHERE ledger.retailer_id = source.retailer_id
) AS first
WHERE source.is_scheduled
ORDER BY source.retailer_id
