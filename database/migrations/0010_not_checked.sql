-- depends: 0009_sources
-- A check that has nothing to compare with, such as no control report, is shown as not checked. It is not a pass.

ALTER TABLE ops.data_quality_results
    ALTER COLUMN score DROP NOT NULL,
    DROP CONSTRAINT ck_data_quality_results_status,
    ADD CONSTRAINT ck_data_quality_results_status CHECK (status IN ('pass', 'warn', 'fail', 'not_checked')),
    ADD CONSTRAINT ck_data_quality_results_score CHECK ((score IS NULL) = (status = 'not_checked'));
COMMENT ON COLUMN ops.data_quality_results.status IS 'pass, warn, fail, or not_checked where there was nothing to compare with.';
COMMENT ON COLUMN ops.data_quality_results.score IS 'Percentage of what was checked that is correct, 0 to 100; null when it was not checked.';

-- The newest check of each source's date, and what it found.
DROP INDEX ops.ix_data_quality_results_checked, ops.ix_data_quality_results_findings;
CREATE INDEX ix_data_quality_results_checked ON ops.data_quality_results (business_date, retailer_id, checked_at) INCLUDE (run_id);
CREATE INDEX ix_data_quality_results_findings ON ops.data_quality_results (business_date, retailer_id, checked_at) WHERE status IN ('warn', 'fail');
