-- Grain: a dead letter that fits every filter given (null: any), newest first; `matching` counts all that fit.
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
    first_seen_at,
    last_seen_at,
    count(*) OVER () AS matching
FROM ops.dead_letters
WHERE (%(retailer)s IS NULL OR retailer_id = %(retailer)s)
    AND (%(day)s::date IS NULL OR business_date = %(day)s::date)
    AND (%(code)s IS NULL OR reason_code = %(code)s)
    AND (%(status)s IS NULL OR status = %(status)s)
ORDER BY last_seen_at DESC, dead_letter_id DESC
LIMIT %(limit)s
