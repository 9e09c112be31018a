-- Grain: each execution of a stage that was started before a time and never ended. When run again, it finds none.
-- It must be old by the clock of the database, too: if ours is ahead, a run that is active would seem to be old.
-- Runs that are recorded as unfinished are closed when they are finished: by then it is known what they published.
UPDATE ops.pipeline_runs
SET status = 'failed', finished_at = least(%(now)s, now()), message = %(message)s
WHERE status = 'running'
    AND started_at < least(%(now)s, now()) - %(abandoned_after)s
    AND NOT EXISTS (SELECT FROM ops.unfinished_runs WHERE unfinished_runs.run_id = pipeline_runs.run_id)
