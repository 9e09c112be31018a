-- What is known of landed content. Grain: one row per business date whose content was held before: the latest of them.
SELECT DISTINCT ON (held.business_date)
    held.held_load_id, held.business_date, held.landed_digest, held.status, held.failed_checks, held.decided_by, held.reason
FROM unnest(%(days)s::date[], %(digests)s::text[]) AS landed (business_date, landed_digest)
JOIN ops.held_loads AS held USING (business_date, landed_digest)
WHERE held.retailer_id = %(retailer_id)s
ORDER BY held.business_date, held.held_load_id DESC
