-- depends: 0026_swap_views
-- What each source sends, so that a field that is renamed, dropped, added or retyped is noticed.

CREATE TABLE ops.source_schemas (
    retailer_id     text NOT NULL,
    version         integer NOT NULL,
    status          text NOT NULL,
    fields          jsonb NOT NULL,
    records         bigint NOT NULL,
    changes         jsonb NOT NULL,
    changed_records bigint NOT NULL,
    business_date   date,
    run_id          text NOT NULL,
    first_seen_at   timestamptz NOT NULL,
    last_seen_at    timestamptz NOT NULL,
    accepted_at     timestamptz,
    accepted_by     text,
    CONSTRAINT pk_source_schemas PRIMARY KEY (retailer_id, version),
    CONSTRAINT ck_source_schemas_status CHECK (status IN ('current', 'pending', 'replaced')),
    CONSTRAINT ck_source_schemas_accepted CHECK ((status = 'pending') = (accepted_at IS NULL))
);
CREATE UNIQUE INDEX uq_source_schemas_current ON ops.source_schemas (retailer_id) WHERE status = 'current';
CREATE UNIQUE INDEX uq_source_schemas_pending ON ops.source_schemas (retailer_id) WHERE status = 'pending';
COMMENT ON TABLE ops.source_schemas IS 'Grain: one row per version of the schema of a source. The current one is what its records are compared with.';
COMMENT ON COLUMN ops.source_schemas.retailer_id IS 'The source.';
COMMENT ON COLUMN ops.source_schemas.version IS 'Number of the version, from 1. Numbers can be missing: a pending version that was not sent again is deleted.';
COMMENT ON COLUMN ops.source_schemas.status IS 'current: compared with; pending: seen, and to be accepted with retail sources accept; replaced: a former one.';
COMMENT ON COLUMN ops.source_schemas.fields IS 'Object of field paths: types, and in which share of the objects around it the field was there. Of files: the columns.';
COMMENT ON COLUMN ops.source_schemas.records IS 'How many records it is known from, those of the version before included.';
COMMENT ON COLUMN ops.source_schemas.changes IS 'Array of the differences from the version before: kind (added, dropped, retyped, renamed), path, records, before, after.';
COMMENT ON COLUMN ops.source_schemas.changed_records IS 'How many records of the latest run with this difference it touches.';
COMMENT ON COLUMN ops.source_schemas.business_date IS 'First business date with the difference; null for the first version.';
COMMENT ON COLUMN ops.source_schemas.run_id IS 'Run that saw it first.';
COMMENT ON COLUMN ops.source_schemas.first_seen_at IS 'When it was first seen.';
COMMENT ON COLUMN ops.source_schemas.last_seen_at IS 'When the row was last confirmed or extended by a run.';
COMMENT ON COLUMN ops.source_schemas.accepted_at IS 'When it became current; null while it waits.';
COMMENT ON COLUMN ops.source_schemas.accepted_by IS 'The user who accepted it, or the contract evolve.';
COMMENT ON COLUMN ops.alerts.kind IS 'task_failed, run_failed, run_late, missing_data, quality_violation, reconciliation, source_clock, schema_changed or test.';
GRANT SELECT, INSERT, UPDATE, DELETE ON ops.source_schemas TO retail_user;
GRANT SELECT ON ops.source_schemas TO retail_reader;
