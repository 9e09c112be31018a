-- Grain: the current schema of a source, and the one that waits to be accepted.
SELECT version, status, fields, records, changes, business_date, first_seen_at
FROM ops.source_schemas
WHERE retailer_id = %(retailer_id)s AND status IN ('current', 'pending')
