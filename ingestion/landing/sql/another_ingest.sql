-- Whether another run may have landed anything since: no row if none was in progress, else one row.
SELECT true
FROM ops.pipeline_runs
WHERE stage = 'ingest'
    AND run_id <> %(run_id)s
    AND (finished_at IS NULL OR finished_at >= %(since)s)
LIMIT 1
