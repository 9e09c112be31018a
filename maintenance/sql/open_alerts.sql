-- Retailers and dates of the alerts of a kind that nobody has resolved. Grain: retailer x business date.
SELECT DISTINCT retailer_id, business_date
FROM ops.alerts
WHERE kind = %(kind)s AND status <> 'resolved' AND retailer_id IS NOT NULL AND business_date IS NOT NULL
