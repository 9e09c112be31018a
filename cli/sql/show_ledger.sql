-- Grain: a retailer's partition of one business date as its latest publication left it, and a currency of it.
-- %(retailer)s null: of all retailers.
WITH speaking AS (
    SELECT DISTINCT ON (retailer_id) *
    FROM ops.load_ledger
    WHERE business_date = %(day)s AND (%(retailer)s IS NULL OR retailer_id = %(retailer)s)
    ORDER BY retailer_id, load_id DESC
)
SELECT
    speaking.load_id,
    speaking.retailer_id,
    speaking.run_id,
    speaking.recorded_at,
    speaking.source_sha256,
    amounts.currency,
    jsonb_build_object(
        'reported', speaking.reported, 'fetched', speaking.fetched, 'landed', speaking.landed,
        'rejected', speaking.rejected, 'inserted', speaking.inserted, 'updated', speaking.updated,
        'unchanged', speaking.unchanged, 'duplicate', speaking.duplicate, 'superseded', speaking.superseded,
        'withdrawn', speaking.withdrawn, 'in_warehouse', speaking.in_warehouse
    ) AS records,
    jsonb_build_object(
        'reported', amounts.reported::text, 'landed', amounts.landed::text, 'rejected', amounts.rejected::text,
        'inserted', amounts.inserted::text, 'updated', amounts.updated::text, 'unchanged', amounts.unchanged::text,
        'duplicate', amounts.duplicate::text, 'withdrawn', amounts.withdrawn::text, 'in_warehouse', amounts.in_warehouse::text
    ) AS money
FROM speaking
LEFT JOIN ops.load_ledger_amounts AS amounts USING (load_id, retailer_id, business_date)
ORDER BY speaking.retailer_id, amounts.currency
