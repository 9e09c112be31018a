-- Grain: each execution of a stage of a run that was killed and still has the status running. When run again, it finds none.
UPDATE ops.pipeline_runs
SET status = 'failed', finished_at = %(now)s, message = %(message)s
WHERE run_id = %(run_id)s AND status = 'running'
