-- depends: 0007_quality_page
-- Operational tables use standard terms for what the ledger and the quality scores hold.

ALTER TABLE ops.load_ledger RENAME COLUMN in_star TO in_warehouse;
ALTER TABLE ops.load_ledger_amounts RENAME COLUMN in_star TO in_warehouse;
ALTER TABLE ops.data_quality_scores RENAME COLUMN verdict TO outcome;
ALTER TABLE ops.data_quality_scores RENAME CONSTRAINT ck_data_quality_scores_verdict TO ck_data_quality_scores_outcome;

UPDATE ops.data_quality_results SET check_name = 'dimensions_known' WHERE check_name = 'members_known';
UPDATE ops.data_quality_results SET check_name = 'customer_history_complete' WHERE check_name = 'customer_history_whole';
