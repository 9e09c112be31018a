-- Grain: each of the alerts asked for that is unresolved. Again: the later person and note stay.
UPDATE ops.alerts
SET status = 'acknowledged', acknowledged_at = %(now)s, acknowledged_by = %(by)s, note = coalesce(%(note)s, note)
WHERE alert_id = ANY (%(ids)s) AND status <> 'resolved'
RETURNING *
