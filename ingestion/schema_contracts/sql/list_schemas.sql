-- Grain: one row per version of the schema of a source, the latest first.
SELECT
    version, status, fields, records, changes, changed_records, business_date, run_id, first_seen_at, last_seen_at,
    accepted_at, accepted_by
FROM ops.source_schemas
WHERE retailer_id = %(retailer_id)s
ORDER BY version DESC
