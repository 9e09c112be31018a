-- One row: a held load, locked until the decision is committed.
SELECT held_load_id, retailer_id, business_date, landed_digest, status, decided_by, reason, decided_at
FROM ops.held_loads
WHERE held_load_id = %(id)s
FOR UPDATE
