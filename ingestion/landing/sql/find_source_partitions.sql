-- What was landed from files for a retailer's business dates, and what the warehouse was last loaded from.
-- Grain: one row per date.
SELECT
    p.business_date, p.content_digest, p.raw_e_tag, p.manifest_e_tag, p.manifest::text,
    l.source_sha256, l.duplicate, l.in_warehouse,
    (
        SELECT coalesce(jsonb_object_agg(a.currency, jsonb_build_array(a.duplicate::text, a.in_warehouse::text)), '{}')::text
        FROM ops.load_ledger_amounts AS a
        WHERE a.load_id = l.load_id AND a.retailer_id = p.retailer_id AND a.business_date = p.business_date
            AND a.measure = 'net'
    ) AS amounts
FROM ops.source_partitions AS p
JOIN LATERAL (
    SELECT ledger.load_id, ledger.source_sha256, ledger.duplicate, ledger.in_warehouse
    FROM ops.load_ledger AS ledger
    WHERE ledger.retailer_id = p.retailer_id AND ledger.business_date = p.business_date
    ORDER BY ledger.load_id DESC
    LIMIT 1
) AS l ON true
WHERE p.retailer_id = %(retailer_id)s
    AND p.business_date = ANY (%(days)s)
