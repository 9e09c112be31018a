-- Grain: an alert that fits every filter given (null: any), what lasts first, then the latest; `matching` counts all
-- that fit. %(statuses)s is a list.
SELECT
    alert_id,
    severity,
    status,
    kind,
    summary,
    retailer_id,
    business_date,
    occurrences,
    first_seen_at,
    last_seen_at,
    acknowledged_by,
    resolved_at,
    resolved_by,
    count(*) OVER () AS matching
FROM ops.alerts
WHERE (%(statuses)s::text[] IS NULL OR status = ANY (%(statuses)s::text[]))
    AND (%(severities)s::text[] IS NULL OR severity = ANY (%(severities)s::text[]))
    AND (%(retailer)s IS NULL OR retailer_id = %(retailer)s)
    AND (%(day)s::date IS NULL OR business_date = %(day)s::date)
ORDER BY status = 'resolved', last_seen_at DESC, alert_id DESC
LIMIT %(limit)s
