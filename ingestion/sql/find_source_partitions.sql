-- What files brought of a retailer's business dates, and what the star was last loaded from. Grain: one row per date.
SELECT p.business_date, p.content_digest, p.raw_e_tag, p.manifest_e_tag, p.manifest::text, l.source_sha256
FROM ops.source_partitions AS p
JOIN LATERAL (
    SELECT source_sha256
    FROM ops.load_ledger AS ledger
    WHERE ledger.retailer_id = p.retailer_id AND ledger.business_date = p.business_date
    ORDER BY ledger.load_id DESC
    LIMIT 1
) AS l ON true
WHERE p.retailer_id = %(retailer_id)s
    AND p.business_date = ANY (%(days)s)
