-- In the transaction of a load: what it means for the held loads of its dates. What waits, waits no more, and approved
-- content gets the number of the first load that published it. Safe to repeat.
WITH landed AS (
    SELECT business_date, landed_digest
    FROM unnest(%(days)s::date[], %(digests)s::text[]) AS landed (business_date, landed_digest)
),
published AS (
    UPDATE ops.held_loads AS held
    SET published_load_id = %(load_id)s
    FROM landed
    WHERE held.retailer_id = %(retailer_id)s
        AND held.business_date = landed.business_date
        AND held.landed_digest = landed.landed_digest
        AND held.status = 'approved'
        AND held.published_load_id IS NULL
)
UPDATE ops.held_loads AS held
SET
    status = 'superseded',
    decided_at = %(now)s,
    reason = CASE
        WHEN held.landed_digest = landed.landed_digest THEN 'It passes the checks now, and was published.'
        ELSE 'The source sent other content, which was published.'
    END
FROM landed
WHERE held.retailer_id = %(retailer_id)s AND held.business_date = landed.business_date AND held.status = 'waiting'
