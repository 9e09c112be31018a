-- Whether another run may have landed something since: no row when none was under way. One row at most.
SELECT true
FROM ops.pipeline_runs
WHERE stage = 'ingest'
    AND run_id <> %(run_id)s
    AND (finished_at IS NULL OR finished_at >= %(since)s)
LIMIT 1
