-- Grain: each of the given alerts that exists. The rows are locked, so that their status cannot change meanwhile.
SELECT alert_id, status, resolved_by, resolved_at
FROM ops.alerts
WHERE alert_id = ANY (%(ids)s)
ORDER BY alert_id
FOR UPDATE
