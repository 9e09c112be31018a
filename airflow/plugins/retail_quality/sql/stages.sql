-- Grain: an execution of a stage for this business date, the latest first.
SELECT run_id, stage, status, started_at, finished_at, message
FROM ops.pipeline_runs
WHERE business_date = %(day)s
ORDER BY started_at DESC, pipeline_run_id DESC
LIMIT 40
