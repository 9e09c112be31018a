-- Grain and key of ops.data_lineage. A run that is executed again replaces what it recorded before; where it found
-- nothing new this time, the first record is kept.
INSERT INTO ops.data_lineage AS known (
    run_id, stage, business_date, last_date, retailer_id, source_namespace, source_name, target_namespace, target_name,
    columns, rows_written, size_bytes, recorded_at
)
VALUES %s
ON CONFLICT (
    run_id, stage, business_date, coalesce(retailer_id, ''), source_namespace, source_name, target_namespace, target_name
) DO UPDATE SET
    last_date = excluded.last_date,
    columns = excluded.columns,
    rows_written = excluded.rows_written,
    size_bytes = excluded.size_bytes,
    recorded_at = excluded.recorded_at
WHERE excluded.rows_written IS DISTINCT FROM 0
    AND (excluded.last_date, excluded.columns, excluded.rows_written, excluded.size_bytes)
        IS DISTINCT FROM (known.last_date, known.columns, known.rows_written, known.size_bytes)
