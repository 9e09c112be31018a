-- Before content of a date is held: what waits for the date with other content, waits no more. Safe to repeat.
UPDATE ops.held_loads
SET status = 'superseded', decided_at = %(now)s, reason = 'The source sent other content, which is held as well.'
WHERE retailer_id = %(retailer_id)s
    AND business_date = %(business_date)s
    AND landed_digest <> %(landed_digest)s
    AND content_digest <> %(content_digest)s
    AND status = 'waiting'
