-- Grain: a retailer's partition of one business date after its latest load, and currency.
-- %(retailer)s null: of all retailers.
WITH latest_entries AS (
    SELECT DISTINCT ON (retailer_id) *
    FROM ops.load_ledger
    WHERE business_date = %(day)s AND (%(retailer)s IS NULL OR retailer_id = %(retailer)s)
    ORDER BY retailer_id, load_id DESC
)
SELECT
    latest_entries.load_id,
    latest_entries.retailer_id,
    latest_entries.run_id,
    latest_entries.recorded_at,
    latest_entries.source_sha256,
    amounts.currency,
    jsonb_build_object(
        'reported', latest_entries.reported, 'fetched', latest_entries.fetched, 'landed', latest_entries.landed,
        'rejected', latest_entries.rejected, 'inserted', latest_entries.inserted, 'updated', latest_entries.updated,
        'unchanged', latest_entries.unchanged, 'duplicate', latest_entries.duplicate, 'superseded', latest_entries.superseded,
        'withdrawn', latest_entries.withdrawn, 'in_warehouse', latest_entries.in_warehouse
    ) AS records,
    jsonb_build_object(
        'reported', amounts.reported::text, 'landed', amounts.landed::text, 'rejected', amounts.rejected::text,
        'inserted', amounts.inserted::text, 'updated', amounts.updated::text, 'unchanged', amounts.unchanged::text,
        'duplicate', amounts.duplicate::text, 'withdrawn', amounts.withdrawn::text, 'in_warehouse', amounts.in_warehouse::text
    ) AS money
FROM latest_entries
LEFT JOIN ops.load_ledger_amounts AS amounts
    ON (amounts.load_id, amounts.retailer_id, amounts.business_date)
    = (latest_entries.load_id, latest_entries.retailer_id, latest_entries.business_date)
    AND amounts.measure = 'net'
ORDER BY latest_entries.retailer_id, amounts.currency
