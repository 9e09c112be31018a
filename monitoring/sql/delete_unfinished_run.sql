-- Grain: the row of one run that is finished, or that has published nothing. When run again, it finds none.
DELETE FROM ops.unfinished_runs
WHERE run_id = %(run_id)s
    AND (
        %(is_finished)s
        -- The loads of dropped files have runs of their own.
        OR command <> 'files' AND NOT EXISTS (SELECT FROM ops.data_versions WHERE run_id = %(run_id)s)
    )
