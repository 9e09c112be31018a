-- Grain: each of the alerts asked for that is unresolved. Again: finds none.
UPDATE ops.alerts
SET status = 'resolved', resolved_at = %(now)s, resolved_by = %(by)s, note = coalesce(%(note)s, note)
WHERE alert_id = ANY (%(ids)s) AND status <> 'resolved'
RETURNING *
