-- depends: 0007_quality_page
-- Operational tables use standard terms for what the ledger and the quality scores hold.

ALTER TABLE ops.load_ledger RENAME COLUMN in_star TO in_warehouse;
ALTER TABLE ops.load_ledger_amounts RENAME COLUMN in_star TO in_warehouse;
ALTER TABLE ops.data_quality_scores RENAME COLUMN verdict TO outcome;
ALTER TABLE ops.data_quality_scores RENAME CONSTRAINT ck_data_quality_scores_verdict TO ck_data_quality_scores_outcome;

UPDATE ops.data_quality_results SET check_name = 'dimensions_known' WHERE check_name = 'members_known';
UPDATE ops.data_quality_results SET check_name = 'customer_history_complete' WHERE check_name = 'customer_history_whole';

-- Comments in the same terms. The columns renamed above keep theirs under the new name; all others are set again where
-- they used a word that the documentation no longer uses.

COMMENT ON SCHEMA ops IS 'Operational tables of the pipeline: runs, ledger, versions, dead letters, quality results.';

COMMENT ON COLUMN public.dim_retailer.time_zone IS 'IANA time zone of the retailer''s business dates.';
COMMENT ON TABLE public.dim_store IS 'Grain: one row per store of a retailer, SCD 1: the latest attributes that the source sent. Key 0 is the unknown member.';
COMMENT ON COLUMN public.dim_store.attributes_as_of IS 'Time of the sale that the attributes come from; only a later one replaces them.';
COMMENT ON TABLE public.dim_product IS 'Grain: one row per product of a retailer, SCD 1: the latest attributes that the source sent. Key 0 is the unknown member.';
COMMENT ON COLUMN public.dim_product.attributes_as_of IS 'Time of the sale that the attributes come from; only a later one replaces them.';
COMMENT ON COLUMN public.dim_customer.valid_from IS 'When the version began, by the source''s clock.';
COMMENT ON COLUMN public.fact_sales.sold_at IS 'Time of the sale.';
COMMENT ON COLUMN public.fact_sales.net_quantity IS 'Signed units: negative for returns. Sum this.';
COMMENT ON COLUMN public.fact_sales.net_amount IS 'Signed amount: negative when paid back or written off. Sum this, per currency.';
COMMENT ON COLUMN public.fact_sales.source_changed_at IS 'When the source last changed the record. Of two versions fact_sales holds the later one.';
COMMENT ON COLUMN public.fact_sales.load_id IS 'Version that last wrote the row: ops.data_versions.';
COMMENT ON TABLE public.fact_daily_sales IS 'Grain: retailer x business date x product x store x currency. Each load rewrites it for the dates that it changes; the views are built on it. It has no foreign keys, since it is derived from fact_sales, which has them.';
COMMENT ON COLUMN public.fact_daily_sales.returned_quantity IS 'Units returned (return lines), positive.';
COMMENT ON COLUMN public.fact_daily_sales.sales_amount IS 'Amount of the sale lines.';
COMMENT ON COLUMN public.fact_daily_sales.returns_amount IS 'Amount of the return lines, positive.';
COMMENT ON COLUMN public.fact_daily_sales.adjustment_amount IS 'Signed amount of the adjustment lines.';
COMMENT ON TABLE public.fact_daily_transactions IS 'Grain: retailer x business date x store x currency. Counts that cannot be summed over products. Each load rewrites it for the dates that it changes. It has no foreign keys, as fact_daily_sales.';

COMMENT ON TABLE ops.pipeline_metadata IS 'Grain: one row per retailer: its watermark. Written only in the transaction that publishes the data.';
COMMENT ON COLUMN ops.pipeline_metadata.last_processed_transaction_id IS 'Transaction of the latest sale of that date.';
COMMENT ON COLUMN ops.pipeline_metadata.changes_read_until IS 'Changes at the source up to this time, by its clock, are published.';
COMMENT ON COLUMN ops.pipeline_runs.run_id IS 'The run: Airflow''s run id, or one that the command made. Several executions can share it.';
COMMENT ON COLUMN ops.pipeline_runs.business_date IS 'Business date of the run.';
COMMENT ON COLUMN ops.pipeline_runs.message IS 'What failed and what to do; empty when nothing did.';
COMMENT ON COLUMN ops.pipeline_runs.details IS 'The stage''s result in the form that the command prints.';
COMMENT ON TABLE ops.data_versions IS 'Grain: one row per version: a committed load of one or more partitions of a retailer.';
COMMENT ON COLUMN ops.data_versions.load_path IS 'merge (row by row) or build (complete months).';
COMMENT ON TABLE ops.load_ledger IS 'Grain: one row per load and partition: where every record went. The row with the greatest load_id describes the partition now.';
COMMENT ON COLUMN ops.load_ledger.load_id IS 'Version: ops.data_versions.';
COMMENT ON COLUMN ops.load_ledger.reported IS 'Lines in the retailer''s control report; null when it has none.';
COMMENT ON COLUMN ops.load_ledger.rejected IS 'Records that were rejected and stored as dead letters.';
COMMENT ON COLUMN ops.load_ledger.inserted IS 'Rows new to fact_sales.';
COMMENT ON COLUMN ops.load_ledger.updated IS 'Rows that replaced an older version, possibly under another business date.';
COMMENT ON COLUMN ops.load_ledger.unchanged IS 'Rows that fact_sales already held with the same values; not written.';
COMMENT ON COLUMN ops.load_ledger.duplicate IS 'Records not loaded because a later or equal version of them is: within the partition, or in another one.';
COMMENT ON COLUMN ops.load_ledger.superseded IS 'Those of the duplicates whose later version is under another business date.';
COMMENT ON COLUMN ops.load_ledger.in_warehouse IS 'Rows of the partition in fact_sales after the load; = inserted + updated + unchanged, except after an insert-only load.';
COMMENT ON COLUMN ops.load_ledger.recorded_at IS 'When the row was written.';
COMMENT ON COLUMN ops.load_ledger.content_digest IS 'Digest of the landed records, whatever their order, and of the rules they were loaded by. A partition with the same digest is not loaded again. Null after an insert-only load.';
COMMENT ON TABLE ops.load_ledger_amounts IS 'Grain: one row per ledger row and currency: the same entry in signed net amounts.';
COMMENT ON COLUMN ops.load_ledger_amounts.load_id IS 'Version: ops.data_versions.';
COMMENT ON COLUMN ops.load_ledger_amounts.reported IS 'Net amount in the retailer''s control report; null when it has none.';
COMMENT ON COLUMN ops.load_ledger_amounts.landed IS 'Net amount of the raw partition; = inserted + updated + unchanged + duplicate.';
COMMENT ON COLUMN ops.load_ledger_amounts.rejected IS 'Net amount of the rejected records, as far as it could be read.';
COMMENT ON COLUMN ops.load_ledger_amounts.inserted IS 'Net amount of the new rows.';
COMMENT ON COLUMN ops.load_ledger_amounts.updated IS 'Net amount of the changed rows, with their new values.';
COMMENT ON COLUMN ops.load_ledger_amounts.unchanged IS 'Net amount of the unchanged rows.';
COMMENT ON COLUMN ops.load_ledger_amounts.duplicate IS 'Net amount of the duplicates.';
COMMENT ON COLUMN ops.load_ledger_amounts.withdrawn IS 'Net amount of the rows removed.';
COMMENT ON COLUMN ops.load_ledger_amounts.in_warehouse IS 'Net amount of the partition in fact_sales after the load.';
COMMENT ON TABLE ops.dead_letters IS 'Grain: one row per rejected record of a partition and stage. A record that is rejected again keeps its row.';
COMMENT ON COLUMN ops.dead_letters.business_date IS 'Business date that was requested.';
COMMENT ON COLUMN ops.dead_letters.stage IS 'Stage that rejected it: ingest or transform.';
COMMENT ON COLUMN ops.dead_letters.payload IS 'The record as the source sent it (JSON text, NUL escaped). Only the first 64 KiB when it is longer; all of it is under object_key.';
COMMENT ON COLUMN ops.dead_letters.payload_digest IS 'SHA-256 of the complete payload.';
COMMENT ON COLUMN ops.dead_letters.position IS 'Where it was in the source''s data: page and row.';
COMMENT ON COLUMN ops.dead_letters.object_key IS 'Object in the raw bucket that holds the partition''s rejected records.';
COMMENT ON COLUMN ops.dead_letters.run_id IS 'Run that last rejected it.';
COMMENT ON COLUMN ops.dead_letters.status IS 'open, resolved (the source no longer sends it in this form), replayed or discarded.';
COMMENT ON COLUMN ops.dead_letters.first_seen_at IS 'When it was first rejected.';
COMMENT ON COLUMN ops.dead_letters.last_seen_at IS 'When it was last rejected.';
COMMENT ON TABLE ops.data_quality_results IS 'Grain: one row per run, check and retailer (or check over all retailers). Rows are never rewritten; they are the history of quality.';
COMMENT ON COLUMN ops.data_quality_results.score IS 'Percentage of what was checked that is correct, 0 to 100.';
COMMENT ON COLUMN ops.data_quality_results.threshold IS 'Least score with which the check passes.';
COMMENT ON COLUMN ops.data_quality_results.message IS 'What was found, and what to do about it.';
COMMENT ON COLUMN ops.data_quality_results.checked_at IS 'When the check ran.';
COMMENT ON TABLE ops.data_quality_scores IS 'Grain: one row per run, business date and quality dimension, and one named overall. A repeated run rewrites its rows.';
COMMENT ON COLUMN ops.data_quality_scores.outcome IS 'pass, warn or fail.';
COMMENT ON COLUMN ops.data_quality_scores.scored_at IS 'When the score was calculated.';

COMMENT ON TABLE ops.transaction_dates IS 'Grain: one row per transaction and landed partition that holds lines of it. Finds the rare transaction with lines under several dates without a look into every month of fact_sales.';
COMMENT ON TABLE ops.superseded_sales IS 'Grain: one row per landed record of which a later version is under another business date. It returns to fact_sales when that version is withdrawn.';
COMMENT ON COLUMN ops.superseded_sales.customer_id IS 'The retailer''s customer number; the customer version is found again when the record returns.';
COMMENT ON TABLE ops.customer_observations IS 'Grain: one row per customer version found in a landed partition. dim_customer is calculated from this table, in whatever order the partitions arrived.';
COMMENT ON COLUMN ops.customer_observations.observed_at IS 'When the version began at the source; the time of sale where the source does not report it.';
COMMENT ON COLUMN ops.customer_observations.date_key IS 'Business date of the landed partition.';
COMMENT ON COLUMN ops.customer_observations.customer_name IS 'As in the records.';
COMMENT ON COLUMN ops.customer_observations.segment IS 'As in the records.';
COMMENT ON COLUMN ops.customer_observations.city IS 'As in the records.';
COMMENT ON COLUMN ops.customer_observations.country IS 'As in the records.';
COMMENT ON COLUMN ops.customer_observations.changed_at IS 'Latest change time of the records; of two observations of the same time the later one is used.';

COMMENT ON TABLE ops.source_files IS 'Grain: one row per file and load that loaded rows of it.';
COMMENT ON COLUMN ops.source_files.load_id IS 'Version: ops.data_versions.';
COMMENT ON COLUMN ops.source_files.file_number IS 'Position of the file within the load, from 0.';
COMMENT ON COLUMN ops.source_files.file_name IS 'Name without its folder. A file with the same name is a newer version of the file.';
COMMENT ON COLUMN ops.source_files.sha256 IS 'SHA-256 of the stored bytes; of the compressed ones where the file is compressed.';
COMMENT ON COLUMN ops.source_files.job_name IS 'Name that the user gave the job; null when none.';
COMMENT ON TABLE ops.source_partitions IS 'Grain: one row per retailer and business date loaded from files: what the files held of it when they were last loaded. Written in the transaction that publishes it.';
COMMENT ON COLUMN ops.source_partitions.load_id IS 'Version that loaded this content; its files are in ops.source_files.';
COMMENT ON COLUMN ops.source_partitions.content_digest IS 'Digest of the records and of the rejected rows, whatever their order. When it is equal there is nothing to land or load.';
COMMENT ON COLUMN ops.source_partitions.raw_e_tag IS 'Entity tag of the raw object; a listing shows by it whether the object is still the same.';
COMMENT ON TABLE ops.flagged_sales IS 'Grain: one row per sales line and rule that flagged it. The lines are in fact_sales. Each load of files replaces the rows of its business dates.';
COMMENT ON COLUMN ops.flagged_sales.load_id IS 'Version that flagged it: ops.data_versions.';

COMMENT ON TABLE ops.alerts IS 'Grain: one row per cause and occurrence. While an alert is not resolved, the same cause updates its row.';
COMMENT ON COLUMN ops.alerts.fingerprint IS 'Identifies the cause: kind, retailer, date, task or check.';
COMMENT ON COLUMN ops.alerts.status IS 'open, acknowledged (somebody is working on it) or resolved.';
COMMENT ON COLUMN ops.alerts.run_id IS 'Run in which it last occurred.';
COMMENT ON COLUMN ops.alerts.task_id IS 'Task in which it last occurred.';
COMMENT ON COLUMN ops.alerts.link IS 'Page of Airflow that shows where it occurred.';
COMMENT ON COLUMN ops.alerts.occurrences IS 'How often it occurred.';
COMMENT ON COLUMN ops.alerts.first_seen_at IS 'When it first occurred.';
COMMENT ON COLUMN ops.alerts.last_seen_at IS 'When it last occurred.';
COMMENT ON COLUMN ops.alerts.claimed_at IS 'When a process began to send the message; of two concurrent ones only one sends it.';
COMMENT ON COLUMN ops.alerts.claimed_in IS 'Transaction of the process that sends it.';
COMMENT ON COLUMN ops.alerts.acknowledged_at IS 'When it was acknowledged.';
COMMENT ON COLUMN ops.alerts.acknowledged_by IS 'User who acknowledged it.';
COMMENT ON COLUMN ops.alerts.resolved_at IS 'When it was resolved.';
COMMENT ON COLUMN ops.alerts.resolved_by IS 'User who resolved it, or the run in which the cause no longer occurred.';
COMMENT ON COLUMN ops.alerts.note IS 'Note of the user who acknowledged or resolved it.';

COMMENT ON TABLE ops.data_lineage IS 'Grain: one row per run, stage, retailer, business date (or range of dates) and pair of a data set that was read and one written from it.';
COMMENT ON COLUMN ops.data_lineage.stage IS 'Stage that read the source and wrote the target.';
COMMENT ON COLUMN ops.data_lineage.business_date IS 'Business date; the first one of a range.';
COMMENT ON COLUMN ops.data_lineage.last_date IS 'Last business date of a range; equal to business_date for one date.';
COMMENT ON COLUMN ops.data_lineage.retailer_id IS 'Retailer; null for all of them.';
COMMENT ON COLUMN ops.data_lineage.source_name IS 'OpenLineage name of what was read; the prefix for many objects.';
COMMENT ON COLUMN ops.data_lineage.target_name IS 'OpenLineage name of what was written; the prefix for many objects.';
COMMENT ON COLUMN ops.data_lineage.columns IS 'Columns of the target, each with the source columns it is made from; empty where these are not known.';
COMMENT ON COLUMN ops.data_lineage.rows_written IS 'Rows written to the target, 0 when nothing was new; null where the stage does not count them. For a view, all its rows.';
COMMENT ON COLUMN ops.data_lineage.recorded_at IS 'When the row was written.';

COMMENT ON COLUMN public.mv_daily_sales_summary.returned_quantity IS 'Units returned, positive.';
COMMENT ON COLUMN public.mv_daily_sales_by_product.returned_quantity IS 'Units returned, positive.';

COMMENT ON FUNCTION ops.build_month IS 'The first day of the month that a table name like fact_sales_2024_01_build_17 contains; an error for any other name.';
COMMENT ON FUNCTION ops.enter_build IS 'First statement of a load that builds months: waits for every other load and blocks all of them until the transaction ends. Readers are not blocked.';
COMMENT ON FUNCTION ops.enter_load IS 'First statement of a load: waits for the retailer''s other loads and for a partition being attached, and blocks both until the transaction ends.';
COMMENT ON FUNCTION ops.index_fact_build IS 'Gives a filled month its primary key, indexes and statistics. Several months are built concurrently, so each uses one process.';
COMMENT ON FUNCTION ops.attach_fact_build IS 'Makes a filled month a partition of fact_sales, replacing the one that is there. Replacing blocks readers until the commit; attaching a new month blocks nobody.';
COMMENT ON FUNCTION ops.lock_months_for_swap IS 'Blocks readers of fact_sales and of the months to be replaced until the commit. Fails within a tenth of a second where one is reading, so that no reader queues behind a waiting load.';
COMMENT ON FUNCTION ops.drop_orphan_builds IS 'Drops the unattached months that failed loads left, and returns their names; does nothing while a load is running.';
COMMENT ON FUNCTION ops.refresh_statistics IS 'Analyzes, on a small sample, the tables that have doubled since they were last analyzed, and returns their names. Without it a new month would be planned without statistics until autovacuum runs.';

COMMENT ON COLUMN public.mv_daily_sales_by_product.product_name IS 'Description as it is today; Unknown when the source has none.';
COMMENT ON COLUMN public.mv_daily_sales_by_product.category IS 'Department or family as it is today; Unknown when the source has none.';
COMMENT ON COLUMN public.mv_monthly_sales_by_category.category IS 'Department or family as the product is today; Unknown when the source has none.';
COMMENT ON COLUMN public.mv_top_products_by_revenue.product_name IS 'Description as it is today; Unknown when the source has none.';
COMMENT ON COLUMN public.mv_top_products_by_revenue.category IS 'Department or family as it is today; Unknown when the source has none.';
