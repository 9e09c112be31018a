-- depends: 0006_data_lineage
-- What the quality page in Airflow asks: the latest score and check of a date, what it found, a date's alerts.

CREATE INDEX ix_data_quality_scores_overall ON ops.data_quality_scores (business_date, scored_at) WHERE dimension = 'overall';
CREATE INDEX ix_data_quality_results_checked ON ops.data_quality_results (business_date, checked_at) INCLUDE (run_id);
CREATE INDEX ix_data_quality_results_findings ON ops.data_quality_results (business_date, run_id) WHERE status <> 'pass';
