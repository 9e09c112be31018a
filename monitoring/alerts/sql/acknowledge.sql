-- Grain: each of the given alerts that is unresolved. When run again, the later operator and note are kept.
UPDATE ops.alerts
SET status = 'acknowledged', acknowledged_at = %(now)s, acknowledged_by = %(by)s, note = coalesce(%(note)s, note)
WHERE alert_id = ANY (%(ids)s) AND status <> 'resolved'
RETURNING *
