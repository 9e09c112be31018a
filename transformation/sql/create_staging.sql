-- The rows that are merged, as conformed. Grain: natural key x date. Filled by export_staging.sql; read by resolve_keys.sql,
-- or by insert_new_dates.sql and count_staged.sql. Dropped with the transaction.
CREATE TEMP TABLE staged_sales ({staging_definitions}) ON COMMIT DROP;
