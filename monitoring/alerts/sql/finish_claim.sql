-- Grain: the alert whose message was sent. If it reached no channel, it is sent at the next occurrence.
UPDATE ops.alerts
SET notified_at = CASE WHEN %(delivered)s THEN %(now)s::timestamptz END, claimed_at = NULL, claimed_in = NULL
WHERE alert_id = %(alert_id)s AND claimed_in = %(claimed_in)s
