-- One row: a held load with the checks that failed, and the load whose data readers see of the date (null: none).
SELECT
    held_load_id,
    retailer_id,
    business_date,
    status,
    records,
    failed_checks,
    held_at,
    run_id,
    last_checked_at,
    last_run_id,
    landed_run_id,
    source_sha256,
    landed_digest,
    decided_by,
    reason,
    decided_at,
    published_load_id,
    (
        SELECT max(ledger.load_id)
        FROM ops.load_ledger AS ledger
        WHERE ledger.retailer_id = held.retailer_id AND ledger.business_date = held.business_date
    ) AS readers_see_load_id
FROM ops.held_loads AS held
WHERE held_load_id = %(id)s
