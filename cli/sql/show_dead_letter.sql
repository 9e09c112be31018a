-- One row: a dead letter with its payload.
SELECT
    dead_letter_id,
    retailer_id,
    business_date,
    stage,
    reason_code,
    reason,
    position,
    status,
    run_id,
    object_key,
    first_seen_at,
    last_seen_at,
    payload
FROM ops.dead_letters
WHERE dead_letter_id = %(id)s
