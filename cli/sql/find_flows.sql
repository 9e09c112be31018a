-- The flows of one business date. Grain: pair of data sets and retailer: those of the latest run that wrote something, else
-- of the latest run. Sorted by %(stages)s, the names of the stages in their order.
WITH flows AS (
    SELECT DISTINCT ON (source_namespace, source_name, target_namespace, target_name, retailer_id)
        stage, run_id, retailer_id, business_date, last_date, source_namespace, source_name, target_namespace,
        target_name, columns, rows_written, size_bytes, recorded_at
    FROM ops.data_lineage
    WHERE business_date <= %(day)s AND last_date >= %(day)s
    ORDER BY source_namespace, source_name, target_namespace, target_name, retailer_id,
        rows_written IS NOT DISTINCT FROM 0, recorded_at DESC, lineage_id DESC
)
SELECT *
FROM flows
WHERE %(retailer)s IS NULL OR retailer_id IS NULL OR retailer_id = %(retailer)s
ORDER BY array_position(%(stages)s, stage), retailer_id, target_name, source_name
