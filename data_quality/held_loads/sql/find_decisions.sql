-- What is known of landed content. Grain: one row per business date whose content was held before: the latest of them.
-- The content is the same if its digest is, or if only the order of its records differs.
SELECT DISTINCT ON (held.business_date)
    held.held_load_id, held.business_date, held.status, held.failed_checks, held.decided_by, held.reason
FROM unnest(%(days)s::date[], %(digests)s::text[], %(contents)s::text[]) AS landed (business_date, landed_digest, content_digest)
JOIN ops.held_loads AS held
    ON held.business_date = landed.business_date
    AND (held.landed_digest = landed.landed_digest OR held.content_digest = landed.content_digest)
WHERE held.retailer_id = %(retailer_id)s
ORDER BY held.business_date, held.held_load_id DESC
