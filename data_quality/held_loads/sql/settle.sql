-- In the transaction of a load: what it means for the held loads of its dates. What waits, waits no more. Approved content
-- gets the number of the first load that published it, and the digests of what is landed now, which differ if only the order
-- of the records does. Safe to repeat.
WITH landed AS (
    SELECT business_date, landed_digest, content_digest, source_sha256
    FROM unnest(%(days)s::date[], %(digests)s::text[], %(contents)s::text[], %(checksums)s::text[])
        AS landed (business_date, landed_digest, content_digest, source_sha256)
),
compared AS (
    SELECT
        held.held_load_id,
        held.status,
        held.landed_digest = landed.landed_digest OR held.content_digest = landed.content_digest AS is_same,
        landed.landed_digest,
        landed.source_sha256
    FROM landed
    JOIN ops.held_loads AS held USING (business_date)
    WHERE held.retailer_id = %(retailer_id)s AND held.status IN ('waiting', 'approved')
),
published AS (
    UPDATE ops.held_loads AS held
    SET
        published_load_id = coalesce(held.published_load_id, %(load_id)s),
        landed_digest = compared.landed_digest,
        source_sha256 = compared.source_sha256
    FROM compared
    WHERE held.held_load_id = compared.held_load_id
        AND compared.status = 'approved'
        AND compared.is_same
        AND (held.published_load_id IS NULL OR held.landed_digest <> compared.landed_digest)
)
UPDATE ops.held_loads AS held
SET
    status = 'superseded',
    decided_at = %(now)s,
    reason = CASE
        WHEN compared.is_same THEN 'It passes the checks now, and was published.'
        ELSE 'The source sent other content, which was published.'
    END
FROM compared
WHERE held.held_load_id = compared.held_load_id AND compared.status = 'waiting'
