-- depends: 0016_one_publication
-- What follows a publication (lineage, alerts, metrics, views) is done by a later run when the process was killed.

CREATE TABLE ops.unfinished_runs (
    run_id          text NOT NULL,
    command         text NOT NULL,
    business_date   date NOT NULL,
    retailers       text[] NOT NULL,
    refreshes_views boolean NOT NULL,
    started_at      timestamptz NOT NULL,
    CONSTRAINT pk_unfinished_runs PRIMARY KEY (run_id),
    CONSTRAINT ck_unfinished_runs_command CHECK (command IN ('run', 'etl', 'transform', 'rebuild'))
);
COMMENT ON TABLE ops.unfinished_runs IS 'Grain: one row per run that a command has started and not finished. Its session holds an advisory lock on the run id while it is active. Without the lock it was killed, or something failed after it had published; the next command or maintenance finishes it.';
COMMENT ON COLUMN ops.unfinished_runs.run_id IS 'The run, as in ops.pipeline_runs.';
COMMENT ON COLUMN ops.unfinished_runs.command IS 'run, etl, transform or rebuild: what follows its publication.';
COMMENT ON COLUMN ops.unfinished_runs.business_date IS 'Business date of the run; of a file, the last one.';
COMMENT ON COLUMN ops.unfinished_runs.retailers IS 'The retailers that the command named; empty when it was for all that are due.';
COMMENT ON COLUMN ops.unfinished_runs.refreshes_views IS 'Whether the run refreshes the views after it has published.';
COMMENT ON COLUMN ops.unfinished_runs.started_at IS 'Start.';
GRANT SELECT, INSERT, DELETE ON ops.unfinished_runs TO retail_user;
GRANT SELECT ON ops.unfinished_runs TO retail_reader;
