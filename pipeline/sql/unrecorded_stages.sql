-- Grain: one row per stage of a run that landed or loaded, and whose latest execution is not recorded as done.
SELECT stage, business_date
FROM (
    SELECT DISTINCT ON (stage) stage, business_date, status
    FROM ops.pipeline_runs
    WHERE run_id = %(run_id)s AND stage IN ('ingest', 'transform')
    ORDER BY stage, pipeline_run_id DESC
) AS latest
WHERE status IN ('running', 'failed')
ORDER BY stage
