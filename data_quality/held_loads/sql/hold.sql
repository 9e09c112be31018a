-- Grain: one row per source, date and content that waits. The same content again only counts as checked again; if the order of
-- its records differs, its other digest is kept. Nothing is written for a date that a later load has published, and for
-- content that a user has discarded in the meantime.
INSERT INTO ops.held_loads AS held (
    retailer_id, business_date, landed_digest, content_digest, source_sha256, landed_run_id, records, failed_checks, run_id, held_at,
    last_run_id, last_checked_at
)
SELECT
    %(retailer_id)s, %(business_date)s, %(landed_digest)s, %(content_digest)s, %(source_sha256)s, %(landed_run_id)s, %(records)s,
    %(failed_checks)s, %(run_id)s, %(now)s, %(run_id)s, %(now)s
WHERE NOT EXISTS (
        SELECT FROM ops.load_ledger AS ledger
        WHERE ledger.retailer_id = %(retailer_id)s
            AND ledger.business_date = %(business_date)s
            AND ledger.load_id > %(load_id)s
    )
    AND coalesce(
        (
            SELECT known.status
            FROM ops.held_loads AS known
            WHERE known.retailer_id = %(retailer_id)s
                AND known.business_date = %(business_date)s
                AND (known.landed_digest = %(landed_digest)s OR known.content_digest = %(content_digest)s)
            ORDER BY known.held_load_id DESC
            LIMIT 1
        ),
        'waiting'
    ) <> 'discarded'
ON CONFLICT (retailer_id, business_date) WHERE status = 'waiting' DO UPDATE SET
    landed_digest = excluded.landed_digest,
    content_digest = excluded.content_digest,
    source_sha256 = excluded.source_sha256,
    landed_run_id = excluded.landed_run_id,
    failed_checks = excluded.failed_checks,
    last_run_id = excluded.last_run_id,
    last_checked_at = excluded.last_checked_at
RETURNING held.held_load_id
