-- The newest ledger row of each date of a source. Reads only. Grain: business date.
SELECT DISTINCT ON (business_date)
    business_date, load_id, recorded_at, source_sha256, content_digest IS NOT NULL AS replaces_older_versions, reported, fetched,
    landed, rejected, superseded, in_warehouse
FROM ops.load_ledger
WHERE retailer_id = %(retailer_id)s AND business_date BETWEEN %(first)s AND %(last)s
ORDER BY business_date, load_id DESC
