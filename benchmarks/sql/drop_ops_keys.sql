-- The operational tables are filled without keys and indexes; create_ops_keys.sql adds these at the end.
ALTER TABLE ops.transaction_dates DROP CONSTRAINT pk_transaction_dates;
DROP INDEX ops.ix_transaction_dates_partition;
ALTER TABLE ops.customer_observations DROP CONSTRAINT pk_customer_observations;
DROP INDEX ops.ix_customer_observations_partition;
ALTER TABLE fact_daily_sales DROP CONSTRAINT pk_fact_daily_sales;
ALTER TABLE fact_daily_transactions DROP CONSTRAINT pk_fact_daily_transactions;
INSERT INTO ops.data_versions (run_id, retailer_key, load_path, code_version, published_at)
VALUES ('fill', 1, 'build', 'bench', '2024-01-14');
