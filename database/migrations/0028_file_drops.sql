-- depends: 0027_source_schemas
-- Files that are dropped in a folder, a bucket or on an SFTP server: what became of each, so that none is loaded twice or
-- forgotten.

CREATE TABLE ops.dropped_files (
    retailer_id       text NOT NULL,
    place             text NOT NULL,
    version           text NOT NULL,
    file_name         text NOT NULL,
    size_bytes        bigint NOT NULL,
    modified_at       timestamptz NOT NULL,
    status            text NOT NULL,
    reason            text,
    sha256            text,
    definition_digest text,
    load_id           bigint,
    run_id            text,
    moved_to          text,
    is_listed         boolean NOT NULL,
    first_listed_at   timestamptz NOT NULL,
    decided_at        timestamptz,
    CONSTRAINT pk_dropped_files PRIMARY KEY (retailer_id, place, version),
    CONSTRAINT ck_dropped_files_status CHECK (status IN ('waiting', 'loaded', 'duplicate', 'rejected')),
    CONSTRAINT ck_dropped_files_decided CHECK ((status = 'waiting') = (decided_at IS NULL)),
    CONSTRAINT ck_dropped_files_reason CHECK (status <> 'rejected' OR reason IS NOT NULL)
);
CREATE INDEX ix_dropped_files_sha256 ON ops.dropped_files (retailer_id, sha256);
COMMENT ON TABLE ops.dropped_files IS 'Grain: one row per source, file and version of the file that a listing of its location has shown. A version that was replaced while it was waiting is deleted.';
COMMENT ON COLUMN ops.dropped_files.retailer_id IS 'Source.';
COMMENT ON COLUMN ops.dropped_files.place IS 'Complete name of the file: its path, s3://… or sftp://….';
COMMENT ON COLUMN ops.dropped_files.version IS 'Size and time of modification, or entity tag, as listed: it differs when the file was written again.';
COMMENT ON COLUMN ops.dropped_files.file_name IS 'Name without its folder, as in ops.source_files.';
COMMENT ON COLUMN ops.dropped_files.size_bytes IS 'Bytes as listed.';
COMMENT ON COLUMN ops.dropped_files.modified_at IS 'Time of modification as listed.';
COMMENT ON COLUMN ops.dropped_files.status IS 'waiting: not loaded yet. loaded. duplicate: a file with the same content was loaded before. rejected: it cannot be loaded, see reason.';
COMMENT ON COLUMN ops.dropped_files.reason IS 'Why it was rejected, is a duplicate, or is still waiting; null when it was loaded.';
COMMENT ON COLUMN ops.dropped_files.sha256 IS 'SHA-256 of its content; null until it was fetched.';
COMMENT ON COLUMN ops.dropped_files.definition_digest IS 'Digest of the definition that decided. A rejected file is tried again when the definition changes.';
COMMENT ON COLUMN ops.dropped_files.load_id IS 'Load that published it: ops.data_versions; null when the warehouse already had every date as in the file.';
COMMENT ON COLUMN ops.dropped_files.run_id IS 'Run that decided.';
COMMENT ON COLUMN ops.dropped_files.moved_to IS 'Where it was moved after its load; null when it stays.';
COMMENT ON COLUMN ops.dropped_files.is_listed IS 'Whether the latest listing shows this version of it.';
COMMENT ON COLUMN ops.dropped_files.first_listed_at IS 'Time of the first listing that showed this version.';
COMMENT ON COLUMN ops.dropped_files.decided_at IS 'When it was loaded or rejected; null while it is waiting.';

CREATE TABLE ops.drop_listings (
    retailer_id text NOT NULL,
    listed_at   timestamptz NOT NULL,
    location    text NOT NULL,
    CONSTRAINT pk_drop_listings PRIMARY KEY (retailer_id)
);
COMMENT ON TABLE ops.drop_listings IS 'Grain: one row per source of files: the latest complete listing of its location. A cron schedule is due when one of its times has passed since.';
COMMENT ON COLUMN ops.drop_listings.retailer_id IS 'Source.';
COMMENT ON COLUMN ops.drop_listings.listed_at IS 'When it was listed.';
COMMENT ON COLUMN ops.drop_listings.location IS 'What was listed, without credentials.';

GRANT SELECT, INSERT, UPDATE, DELETE ON ops.dropped_files, ops.drop_listings TO retail_user;
GRANT SELECT ON ops.dropped_files, ops.drop_listings TO retail_reader;

ALTER TABLE ops.unfinished_runs
    DROP CONSTRAINT ck_unfinished_runs_command,
    ADD CONSTRAINT ck_unfinished_runs_command CHECK (command IN ('run', 'etl', 'transform', 'rebuild', 'files'));
COMMENT ON COLUMN ops.unfinished_runs.command IS 'run, etl, transform, rebuild or files: what follows its publication.';
