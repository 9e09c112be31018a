-- depends: 0012_change_lists
-- Times that a source states are trusted up to our own clock only.

COMMENT ON COLUMN ops.pipeline_metadata.changes_read_until IS 'Changes at the source up to this time, by its clock, are published. Never later than ten minutes before our own clock.';
COMMENT ON COLUMN ops.alerts.kind IS 'task_failed, run_failed, run_late, missing_data, quality_violation, reconciliation, source_clock or test.';
COMMENT ON COLUMN public.fact_sales.source_changed_at IS 'When the source last changed the record; of two versions the later one is here. The time of the sale where the source states none, or one in the future.';
