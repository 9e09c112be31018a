-- depends: 0009_sources
-- A check that has nothing to compare with, such as no control report, is shown as not checked. It is not a pass.

ALTER TABLE ops.data_quality_results
    ALTER COLUMN score DROP NOT NULL,
    DROP CONSTRAINT ck_data_quality_results_status,
    ADD CONSTRAINT ck_data_quality_results_status CHECK (status IN ('pass', 'warn', 'fail', 'not_checked')),
    ADD CONSTRAINT ck_data_quality_results_score CHECK ((score IS NULL) = (status = 'not_checked'));
COMMENT ON COLUMN ops.data_quality_results.status IS 'pass, warn, fail, or not_checked where there was nothing to compare with.';
COMMENT ON COLUMN ops.data_quality_results.score IS 'Percentage of what was checked that is correct, 0 to 100; null when it was not checked.';
