-- Grain: a held load that fits every filter given (null: any), newest first; `matching` counts all that fit.
SELECT
    held_load_id,
    retailer_id,
    business_date,
    status,
    records,
    ARRAY(SELECT failed.value ->> 'check' FROM jsonb_array_elements(failed_checks) AS failed (value)) AS failed_checks,
    held_at,
    decided_by,
    reason,
    decided_at,
    published_load_id,
    count(*) OVER () AS matching
FROM ops.held_loads
WHERE (%(retailer)s IS NULL OR retailer_id = %(retailer)s)
    AND (%(day)s::date IS NULL OR business_date = %(day)s::date)
    AND (%(status)s IS NULL OR status = %(status)s)
ORDER BY held_load_id DESC
LIMIT %(limit)s
