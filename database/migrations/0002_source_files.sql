-- depends: 0001_build_path
-- What came from files: which file brought which business dates, so that a re-run of the same file writes nothing and
-- two files that claim the same date are noticed.

CREATE TABLE ops.source_files (
    load_id     bigint NOT NULL,
    file_number smallint NOT NULL,
    retailer_id text NOT NULL,
    file_name   text NOT NULL,
    sha256      text NOT NULL,
    size_bytes  bigint NOT NULL,
    row_count   bigint NOT NULL,
    encoding    text NOT NULL,
    layout_name text NOT NULL,
    job_name    text,
    run_id      text NOT NULL,
    loaded_at   timestamptz NOT NULL,
    CONSTRAINT pk_source_files PRIMARY KEY (load_id, file_number),
    CONSTRAINT fk_source_files_data_version FOREIGN KEY (load_id) REFERENCES ops.data_versions (load_id)
);
CREATE INDEX ix_source_files_file_name ON ops.source_files (retailer_id, file_name);
COMMENT ON TABLE ops.source_files IS 'Grain: one row per file and publication that loaded something of it.';
COMMENT ON COLUMN ops.source_files.load_id IS 'Publication: ops.data_versions.';
COMMENT ON COLUMN ops.source_files.file_number IS 'Place of the file within the load, from 0.';
COMMENT ON COLUMN ops.source_files.retailer_id IS 'Retailer whose sales it holds.';
COMMENT ON COLUMN ops.source_files.file_name IS 'Name without its folder. A file of the same name is a newer version of itself.';
COMMENT ON COLUMN ops.source_files.sha256 IS 'SHA-256 of the stored bytes, compressed ones where the file is compressed.';
COMMENT ON COLUMN ops.source_files.size_bytes IS 'Bytes as stored.';
COMMENT ON COLUMN ops.source_files.row_count IS 'Data rows, header excluded.';
COMMENT ON COLUMN ops.source_files.encoding IS 'Character encoding it was read with.';
COMMENT ON COLUMN ops.source_files.layout_name IS 'Layout that mapped its columns.';
COMMENT ON COLUMN ops.source_files.job_name IS 'Name that the person who loaded it gave the job; null when none.';
COMMENT ON COLUMN ops.source_files.run_id IS 'Run.';
COMMENT ON COLUMN ops.source_files.loaded_at IS 'When the load was published.';

CREATE TABLE ops.source_partitions (
    retailer_id    text NOT NULL,
    business_date  date NOT NULL,
    load_id        bigint NOT NULL,
    file_names     text[] NOT NULL,
    content_digest text NOT NULL,
    raw_e_tag      text NOT NULL,
    manifest_e_tag text NOT NULL,
    manifest       jsonb NOT NULL,
    CONSTRAINT pk_source_partitions PRIMARY KEY (retailer_id, business_date),
    CONSTRAINT fk_source_partitions_data_version FOREIGN KEY (load_id) REFERENCES ops.data_versions (load_id)
);
COMMENT ON TABLE ops.source_partitions IS 'Grain: one row per retailer and business date that files brought: what they held of it when they were last loaded. Written in the transaction that publishes it.';
COMMENT ON COLUMN ops.source_partitions.retailer_id IS 'Retailer.';
COMMENT ON COLUMN ops.source_partitions.business_date IS 'Business date.';
COMMENT ON COLUMN ops.source_partitions.load_id IS 'Publication that brought this content; its files are in ops.source_files.';
COMMENT ON COLUMN ops.source_partitions.file_names IS 'Names of the files whose rows the date holds.';
COMMENT ON COLUMN ops.source_partitions.content_digest IS 'Digest of the records and of the refused rows, whatever their order. Equal: nothing to land or load.';
COMMENT ON COLUMN ops.source_partitions.raw_e_tag IS 'Entity tag of the raw object, by which a listing tells that it is still this one.';
COMMENT ON COLUMN ops.source_partitions.manifest_e_tag IS 'Entity tag of its manifest.';
COMMENT ON COLUMN ops.source_partitions.manifest IS 'The manifest.';

GRANT SELECT, INSERT, UPDATE, DELETE ON ops.source_files, ops.source_partitions TO retail_user;
GRANT SELECT ON ops.source_files, ops.source_partitions TO retail_reader;
