-- What a landed partition says of its source. Grain: one row per source, in ops.sources and dim_retailer. A description
-- that is older than the known one changes nothing, so the order of loads does not matter. Files that were loaded without
-- a definition know less than a definition does, and change nothing of it. When nothing has changed, nothing is written.
WITH described AS (
    INSERT INTO ops.sources AS stored (
        retailer_id, source_name, country, connector, time_zone, currencies, is_scheduled, definition_digest,
        described_at, first_seen_at, changed_at
    )
    VALUES (
        %(retailer_id)s, %(source_name)s, %(country)s, %(connector)s, %(time_zone)s, %(currencies)s, false,
        %(definition_digest)s, %(described_at)s, %(now)s, %(now)s
    )
    ON CONFLICT (retailer_id) DO UPDATE SET
        source_name = excluded.source_name,
        country = excluded.country,
        connector = excluded.connector,
        time_zone = excluded.time_zone,
        currencies = excluded.currencies,
        definition_digest = excluded.definition_digest,
        described_at = excluded.described_at,
        changed_at = excluded.changed_at
    WHERE (stored.described_at IS NULL OR stored.described_at <= excluded.described_at)
        AND (excluded.definition_digest IS NOT NULL OR stored.definition_digest IS NULL)
        AND (
            stored.source_name, stored.country, stored.connector, stored.time_zone, stored.currencies,
            stored.definition_digest
        ) IS DISTINCT FROM (
            excluded.source_name, excluded.country, excluded.connector, excluded.time_zone, excluded.currencies,
            excluded.definition_digest
        )
    RETURNING retailer_id, source_name, country, time_zone
),
latest AS (
    SELECT retailer_id, source_name, country, time_zone
    FROM described
    UNION ALL
    SELECT retailer_id, source_name, country, time_zone
    FROM ops.sources
    WHERE retailer_id = %(retailer_id)s AND NOT EXISTS (SELECT FROM described)
)
UPDATE dim_retailer AS retailer
SET retailer_name = latest.source_name, country = latest.country, time_zone = latest.time_zone
FROM latest
WHERE latest.retailer_id = retailer.retailer_id
    AND (retailer.retailer_name, retailer.country, retailer.time_zone)
        IS DISTINCT FROM (latest.source_name, latest.country, latest.time_zone)
