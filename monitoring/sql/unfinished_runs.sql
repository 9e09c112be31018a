-- Grain: one row per unfinished run, active or not; only the given one, unless it is null.
SELECT run_id, command, business_date, retailers, refreshes_views
FROM ops.unfinished_runs
WHERE run_id = coalesce(%(run_id)s, run_id)
ORDER BY started_at, run_id
