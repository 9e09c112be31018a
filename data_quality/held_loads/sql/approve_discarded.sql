-- One row: a decision that takes back an earlier one. The discarded row stays as it is; the new one is the latest of its
-- content, and so the one that counts.
INSERT INTO ops.held_loads (
    retailer_id, business_date, landed_digest, content_digest, source_sha256, landed_run_id, records, status, failed_checks,
    run_id, held_at,
    last_run_id, last_checked_at, decided_by, reason, decided_at
)
SELECT
    retailer_id, business_date, landed_digest, content_digest, source_sha256, landed_run_id, records, %(status)s, failed_checks, run_id,
    held_at, last_run_id, last_checked_at, %(by)s, %(reason)s, %(now)s
FROM ops.held_loads
WHERE held_load_id = %(id)s
RETURNING held_load_id
