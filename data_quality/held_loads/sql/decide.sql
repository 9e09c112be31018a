-- One row: the decision about a held load that waits.
UPDATE ops.held_loads
SET status = %(status)s, decided_by = %(by)s, reason = %(reason)s, decided_at = %(now)s
WHERE held_load_id = %(id)s
