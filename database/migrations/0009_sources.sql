-- depends: 0008_standard_terms
-- What the platform knows of each source, so that checks, pages and queries need no definition file.

CREATE TABLE ops.sources (
    retailer_id       text NOT NULL,
    source_name       text NOT NULL,
    country           text,
    connector         text NOT NULL,
    time_zone         text,
    currencies        text[],
    is_scheduled      boolean NOT NULL,
    start_date        date,
    definition_digest text,
    described_at      timestamptz,
    first_seen_at     timestamptz NOT NULL,
    changed_at        timestamptz NOT NULL,
    CONSTRAINT pk_sources PRIMARY KEY (retailer_id)
);
COMMENT ON TABLE ops.sources IS 'Grain: one row per source that was ever defined or loaded.';
COMMENT ON COLUMN ops.sources.retailer_id IS 'Id of the source; that of dim_retailer, once it is loaded.';
COMMENT ON COLUMN ops.sources.source_name IS 'Name to show.';
COMMENT ON COLUMN ops.sources.country IS 'Country of the head office; null when unknown.';
COMMENT ON COLUMN ops.sources.connector IS 'How it is read: the definition''s connector, or files for loads of files without a definition.';
COMMENT ON COLUMN ops.sources.time_zone IS 'IANA time zone of its business dates; null when unknown.';
COMMENT ON COLUMN ops.sources.currencies IS 'Currencies that its sales can have; null for any.';
COMMENT ON COLUMN ops.sources.is_scheduled IS 'Whether scheduled runs expect data from it: enabled, daily, and its definition is still there.';
COMMENT ON COLUMN ops.sources.start_date IS 'Earlier dates are not expected; null for no limit.';
COMMENT ON COLUMN ops.sources.definition_digest IS 'SHA-256 of the definition; null without one.';
COMMENT ON COLUMN ops.sources.described_at IS 'When its latest known description was written; an older one does not replace it. Null when it was taken from dim_retailer.';
COMMENT ON COLUMN ops.sources.first_seen_at IS 'When it was first defined or loaded.';
COMMENT ON COLUMN ops.sources.changed_at IS 'When this row last changed.';

INSERT INTO ops.sources (retailer_id, source_name, country, connector, time_zone, is_scheduled, first_seen_at, changed_at)
SELECT retailer_id, retailer_name, country,
    CASE WHEN retailer_id IN ('retailer_1', 'retailer_2', 'retailer_3') THEN replace(retailer_id, '_', '') ELSE 'files' END,
    time_zone, retailer_id IN ('retailer_1', 'retailer_2', 'retailer_3'), now(), now()
FROM public.dim_retailer
WHERE retailer_key <> 0;

ALTER TABLE ops.pipeline_runs
    DROP CONSTRAINT ck_pipeline_runs_stage,
    ADD CONSTRAINT ck_pipeline_runs_stage CHECK (stage IN ('plan', 'ingest', 'transform', 'quality', 'refresh'));
COMMENT ON COLUMN ops.pipeline_runs.stage IS 'plan, ingest, transform, quality or refresh.';

GRANT SELECT, INSERT, UPDATE ON ops.sources TO retail_user;
GRANT SELECT ON ops.sources TO retail_reader;
GRANT UPDATE (retailer_name, country, time_zone) ON public.dim_retailer TO retail_user;
