-- Grain: each of the alerts asked for that there is. Locked, so that what is decided by it stays true.
SELECT alert_id, status, resolved_by, resolved_at
FROM ops.alerts
WHERE alert_id = ANY (%(ids)s)
ORDER BY alert_id
FOR UPDATE
