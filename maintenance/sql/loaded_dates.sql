-- The business dates that are not missing: those that were ever published, and those that are held, which are landed and
-- have an alert of their own. Grain: retailer x business date.
SELECT retailer_id, business_date
FROM ops.load_ledger
WHERE retailer_id = ANY (%(retailers)s) AND business_date <= %(last)s
UNION
SELECT retailer_id, business_date
FROM ops.held_loads
WHERE retailer_id = ANY (%(retailers)s) AND business_date <= %(last)s AND status IN ('waiting', 'discarded')
