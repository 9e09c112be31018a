-- Grain: one row per file of the latest listing of a location. Filled by DropLedger.record_listing, read by the statements
-- after it in the same transaction.
CREATE TEMPORARY TABLE listing (
    place       text NOT NULL,
    version     text NOT NULL,
    file_name   text NOT NULL,
    size_bytes  bigint NOT NULL,
    modified_at timestamptz NOT NULL,
    PRIMARY KEY (place, version)
) ON COMMIT DROP
