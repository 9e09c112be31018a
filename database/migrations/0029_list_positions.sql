-- depends: 0028_file_drops
-- Sources that know no times of changes, such as a table with a growing id, list by a position instead.

ALTER TABLE ops.pipeline_metadata ADD COLUMN changes_position text;
COMMENT ON COLUMN ops.pipeline_metadata.changes_position IS 'Where the next list of changes begins, for a source that lists by a position instead of a time, such as the highest id that was read; null for others.';
