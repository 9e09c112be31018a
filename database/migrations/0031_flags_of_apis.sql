-- depends: 0030_held_loads
-- Lines of APIs and databases are flagged, too. They are landed before they are loaded, so no load has flagged them.

ALTER TABLE ops.flagged_sales ALTER COLUMN load_id DROP NOT NULL;
COMMENT ON TABLE ops.flagged_sales IS 'Grain: one row per sales line and rule that flagged it. The lines are in fact_sales. Each load of files, and each landing of an API or a database, replaces the rows of its business dates.';
COMMENT ON COLUMN ops.flagged_sales.load_id IS 'Version that flagged it: ops.data_versions. Null for a line that was flagged when its date was landed from an API or a database.';
