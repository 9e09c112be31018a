-- Grain: one new version of the schema of a source. Run again, it writes the next version: its caller has compared them
-- under the lock of the source.
INSERT INTO ops.source_schemas (
    retailer_id, version, status, fields, records, changes, changed_records, business_date, run_id, first_seen_at,
    last_seen_at, accepted_at, accepted_by
)
SELECT
    %(retailer_id)s,
    coalesce(max(version), 0) + 1,
    %(status)s,
    %(fields)s::jsonb,
    %(records)s,
    %(changes)s::jsonb,
    %(changed_records)s,
    %(business_date)s,
    %(run_id)s,
    %(now)s,
    %(now)s,
    CASE WHEN %(status)s = 'current' THEN %(now)s::timestamptz END,
    %(accepted_by)s
FROM ops.source_schemas
WHERE retailer_id = %(retailer_id)s
