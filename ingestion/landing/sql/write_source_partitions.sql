-- Grain: one row per retailer and business date; re-runnable by that key.
INSERT INTO ops.source_partitions (retailer_id, business_date, load_id, file_names, content_digest, raw_e_tag,
                                   manifest_e_tag, manifest)
VALUES %s
ON CONFLICT (retailer_id, business_date) DO UPDATE SET
    load_id = excluded.load_id,
    file_names = excluded.file_names,
    content_digest = excluded.content_digest,
    raw_e_tag = excluded.raw_e_tag,
    manifest_e_tag = excluded.manifest_e_tag,
    manifest = excluded.manifest
