-- Raw objects that failed a critical check and are not published. Grain: one row per source, date and content.
SELECT DISTINCT retailer_id, business_date, source_sha256
FROM ops.held_loads
WHERE business_date BETWEEN %(first)s AND %(last)s AND status IN ('waiting', 'discarded')
