-- depends: 0005_alerts
-- Which source fed which table: the facts of the OpenLineage events, kept for `retail lineage`.

CREATE TABLE ops.data_lineage (
    lineage_id       bigint GENERATED ALWAYS AS IDENTITY,
    run_id           text NOT NULL,
    stage            text NOT NULL,
    business_date    date NOT NULL,
    last_date        date NOT NULL,
    retailer_id      text,
    source_namespace text NOT NULL,
    source_name      text NOT NULL,
    target_namespace text NOT NULL,
    target_name      text NOT NULL,
    columns          jsonb NOT NULL DEFAULT '{}',
    rows_written     bigint,
    size_bytes       bigint,
    recorded_at      timestamptz NOT NULL,
    CONSTRAINT pk_data_lineage PRIMARY KEY (lineage_id),
    CONSTRAINT ck_data_lineage_dates CHECK (business_date <= last_date)
);
CREATE UNIQUE INDEX uq_data_lineage_flow ON ops.data_lineage (
    run_id, stage, business_date, coalesce(retailer_id, ''), source_namespace, source_name, target_namespace, target_name
);
CREATE INDEX ix_data_lineage_business_date ON ops.data_lineage (business_date, last_date);
CREATE INDEX ix_data_lineage_target ON ops.data_lineage (target_name, business_date);
CREATE INDEX ix_data_lineage_source ON ops.data_lineage (source_name, business_date);
COMMENT ON TABLE ops.data_lineage IS 'Grain: one row per run, stage, retailer, business date (or range of dates) and pair of a data set read and a data set written from it.';
COMMENT ON COLUMN ops.data_lineage.lineage_id IS 'Surrogate key.';
COMMENT ON COLUMN ops.data_lineage.run_id IS 'Run.';
COMMENT ON COLUMN ops.data_lineage.stage IS 'Stage that read the one and wrote the other.';
COMMENT ON COLUMN ops.data_lineage.business_date IS 'Business date; the first one when it was about several.';
COMMENT ON COLUMN ops.data_lineage.last_date IS 'The last business date it was about; the same where it was about one.';
COMMENT ON COLUMN ops.data_lineage.retailer_id IS 'Retailer; null when it is about all of them.';
COMMENT ON COLUMN ops.data_lineage.source_namespace IS 'OpenLineage namespace of what was read: s3://bucket, postgres://host:port, https://host, file.';
COMMENT ON COLUMN ops.data_lineage.source_name IS 'OpenLineage name of what was read; of many objects the prefix.';
COMMENT ON COLUMN ops.data_lineage.target_namespace IS 'OpenLineage namespace of what was written.';
COMMENT ON COLUMN ops.data_lineage.target_name IS 'OpenLineage name of what was written; of many objects the prefix.';
COMMENT ON COLUMN ops.data_lineage.columns IS 'Columns of the target, each with the source''s columns it is made from; empty where that is not known.';
COMMENT ON COLUMN ops.data_lineage.rows_written IS 'Rows written to the target, 0 when nothing was new; null where the stage does not count them. Of a view all its rows.';
COMMENT ON COLUMN ops.data_lineage.size_bytes IS 'Bytes written to the target, where the stage knows them.';
COMMENT ON COLUMN ops.data_lineage.recorded_at IS 'When.';

GRANT SELECT, INSERT, UPDATE, DELETE ON ops.data_lineage TO retail_user;
GRANT SELECT ON ops.data_lineage TO retail_reader;
