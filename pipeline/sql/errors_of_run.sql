-- Grain: one row per source that a stage of a run has recorded as failed, with the latest reason.
SELECT DISTINCT ON (source.retailer_id) source.retailer_id, source.result ->> 'error' AS error
FROM ops.pipeline_runs
CROSS JOIN LATERAL jsonb_each(
    CASE jsonb_typeof(details -> 'retailers') WHEN 'object' THEN details -> 'retailers' ELSE '{}' END
) AS source (retailer_id, result)
WHERE run_id = %(run_id)s AND stage IN ('ingest', 'transform') AND source.result ->> 'error' IS NOT NULL
ORDER BY source.retailer_id, pipeline_run_id DESC
