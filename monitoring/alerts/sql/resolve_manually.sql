-- Grain: each of the given alerts that is unresolved. When run again, it finds none.
UPDATE ops.alerts
SET status = 'resolved', resolved_at = %(now)s, resolved_by = %(by)s, note = coalesce(%(note)s, note)
WHERE alert_id = ANY (%(ids)s) AND status <> 'resolved'
RETURNING *
