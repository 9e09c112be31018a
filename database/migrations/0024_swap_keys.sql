-- depends: 0023_build_new_keys
-- The indexes of 0023 become the primary keys. Their columns are NOT NULL already, so no row is read.

ALTER TABLE public.fact_daily_sales
    DROP CONSTRAINT pk_fact_daily_sales,
    ADD CONSTRAINT pk_fact_daily_sales PRIMARY KEY USING INDEX pk_fact_daily_sales_new;
ALTER TABLE ops.load_ledger_amounts
    DROP CONSTRAINT pk_load_ledger_amounts,
    ADD CONSTRAINT pk_load_ledger_amounts PRIMARY KEY USING INDEX pk_load_ledger_amounts_new;
