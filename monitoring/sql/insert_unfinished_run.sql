-- Grain: the row of one run, which cannot be written twice (pk_unfinished_runs).
INSERT INTO ops.unfinished_runs (run_id, command, business_date, retailers, refreshes_views, started_at)
VALUES (%(run_id)s, %(command)s, %(business_date)s, %(retailers)s, %(refreshes_views)s, %(now)s)
