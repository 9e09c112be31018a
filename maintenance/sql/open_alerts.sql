-- Retailers and dates of the alerts of a kind that nobody has resolved. Grain: retailer x business date, which is null for an alert
-- of a source as a whole.
SELECT DISTINCT retailer_id, business_date
FROM ops.alerts
WHERE kind = %(kind)s AND status <> 'resolved' AND retailer_id IS NOT NULL
