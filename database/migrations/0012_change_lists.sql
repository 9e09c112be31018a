-- depends: 0011_position_of_rejected_values
-- A source may lose its list of changes. How far an earlier one was read then says nothing about the present run.

ALTER TABLE ops.pipeline_metadata ADD COLUMN has_change_list boolean;
COMMENT ON COLUMN ops.pipeline_metadata.has_change_list IS 'Whether the source had a list of changes when a run last requested one; null: no run did.';
