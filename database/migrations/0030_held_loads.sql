-- depends: 0029_list_positions
-- Landed dates that failed a critical check before their publication, and what a user decided about each.

CREATE TABLE ops.held_loads (
    held_load_id      bigint GENERATED ALWAYS AS IDENTITY,
    retailer_id       text NOT NULL,
    business_date     date NOT NULL,
    landed_digest     text NOT NULL,
    content_digest    text NOT NULL,
    source_sha256     text NOT NULL,
    landed_run_id     text NOT NULL,
    records           bigint NOT NULL,
    status            text NOT NULL DEFAULT 'waiting',
    failed_checks     jsonb NOT NULL,
    run_id            text NOT NULL,
    held_at           timestamptz NOT NULL,
    last_run_id       text NOT NULL,
    last_checked_at   timestamptz NOT NULL,
    decided_by        text,
    reason            text,
    decided_at        timestamptz,
    published_load_id bigint,
    CONSTRAINT pk_held_loads PRIMARY KEY (held_load_id),
    CONSTRAINT ck_held_loads_status CHECK (status IN ('waiting', 'approved', 'discarded', 'superseded')),
    CONSTRAINT ck_held_loads_decided CHECK ((status = 'waiting') = (decided_at IS NULL)),
    CONSTRAINT ck_held_loads_decision CHECK (
        status NOT IN ('approved', 'discarded') OR (decided_by IS NOT NULL AND reason IS NOT NULL)
    ),
    CONSTRAINT ck_held_loads_published CHECK (published_load_id IS NULL OR status = 'approved')
);
CREATE UNIQUE INDEX ux_held_loads_waiting ON ops.held_loads (retailer_id, business_date) WHERE status = 'waiting';
CREATE INDEX ix_held_loads_date ON ops.held_loads (retailer_id, business_date);
COMMENT ON TABLE ops.held_loads IS 'Grain: one row per source, business date and landed content that failed a critical check before its publication. It stays landed and is not published unless a user approves it.';
COMMENT ON COLUMN ops.held_loads.held_load_id IS 'Number of the held load.';
COMMENT ON COLUMN ops.held_loads.retailer_id IS 'Source.';
COMMENT ON COLUMN ops.held_loads.business_date IS 'Business date.';
COMMENT ON COLUMN ops.held_loads.landed_digest IS 'Digest of what was landed: checksums, counts and control report of the manifest. A decision is about this content only.';
COMMENT ON COLUMN ops.held_loads.content_digest IS 'The same whatever the order of the records; it changes with the rules by which records are conformed.';
COMMENT ON COLUMN ops.held_loads.source_sha256 IS 'SHA-256 of the raw object, as in ops.load_ledger.';
COMMENT ON COLUMN ops.held_loads.landed_run_id IS 'Run that landed it.';
COMMENT ON COLUMN ops.held_loads.records IS 'Records in the raw object, duplicates included.';
COMMENT ON COLUMN ops.held_loads.status IS 'waiting: for a decision. approved: published although the checks fail. discarded: not tried again until the source has other content. superseded: other content was landed, or it passes the checks now.';
COMMENT ON COLUMN ops.held_loads.failed_checks IS 'The critical checks that failed: name, expected, actual, score, threshold, message.';
COMMENT ON COLUMN ops.held_loads.run_id IS 'Run whose load was held first.';
COMMENT ON COLUMN ops.held_loads.held_at IS 'When it was held first.';
COMMENT ON COLUMN ops.held_loads.last_run_id IS 'Latest run that checked it again.';
COMMENT ON COLUMN ops.held_loads.last_checked_at IS 'When it was checked last.';
COMMENT ON COLUMN ops.held_loads.decided_by IS 'User who decided; null while it is waiting, and when it was superseded.';
COMMENT ON COLUMN ops.held_loads.reason IS 'Reason of the decision, or of its end.';
COMMENT ON COLUMN ops.held_loads.decided_at IS 'When it was approved, discarded or superseded; null while it is waiting.';
COMMENT ON COLUMN ops.held_loads.published_load_id IS 'First load that published it after the approval: ops.data_versions.';

COMMENT ON COLUMN ops.alerts.kind IS 'task_failed, run_failed, run_late, missing_data, quality_violation, load_held, reconciliation, source_clock, schema_changed or test.';

GRANT SELECT, INSERT, UPDATE ON ops.held_loads TO retail_user;
GRANT SELECT ON ops.held_loads TO retail_reader;
