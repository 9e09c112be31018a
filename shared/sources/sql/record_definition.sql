-- What a definition says of its source. Grain: one row per source.
INSERT INTO ops.sources (
    retailer_id, source_name, country, connector, time_zone, currencies, is_scheduled, start_date, definition_digest,
    described_at, first_seen_at, changed_at
)
VALUES (
    %(retailer_id)s, %(source_name)s, %(country)s, %(connector)s, %(time_zone)s, %(currencies)s, %(is_scheduled)s,
    %(start_date)s, %(definition_digest)s, %(described_at)s, %(now)s, %(now)s
)
ON CONFLICT (retailer_id) DO UPDATE SET
    source_name = excluded.source_name,
    country = excluded.country,
    connector = excluded.connector,
    time_zone = excluded.time_zone,
    currencies = excluded.currencies,
    is_scheduled = excluded.is_scheduled,
    start_date = excluded.start_date,
    definition_digest = excluded.definition_digest,
    described_at = excluded.described_at,
    changed_at = excluded.changed_at
