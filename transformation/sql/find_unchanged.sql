-- The newest ledger row of each date, with the digest of what it was loaded from. Grain: business date.
-- Left out: dates loaded before the retailer's last load without a digest (insert-only, or by an older platform).
WITH newest AS (
    SELECT DISTINCT ON (business_date) business_date, load_id, content_digest, in_warehouse, superseded
    FROM load_ledger
    WHERE retailer_id = %(retailer_id)s AND business_date = ANY (%(days)s)
    ORDER BY business_date, load_id DESC
),
last_unknown AS (
    SELECT max(load_id) AS load_id
    FROM load_ledger
    WHERE retailer_id = %(retailer_id)s AND content_digest IS NULL
)
SELECT
    newest.business_date, newest.content_digest, newest.in_warehouse, newest.superseded,
    array_agg(amounts.currency), array_agg(amounts.measure), array_agg(amounts.in_warehouse::text)
FROM newest
CROSS JOIN last_unknown
LEFT JOIN load_ledger_amounts AS amounts
    ON amounts.load_id = newest.load_id
    AND amounts.retailer_id = %(retailer_id)s
    AND amounts.business_date = newest.business_date
WHERE newest.content_digest IS NOT NULL AND newest.load_id > coalesce(last_unknown.load_id, 0)
GROUP BY newest.business_date, newest.content_digest, newest.in_warehouse, newest.superseded
ORDER BY newest.business_date;
