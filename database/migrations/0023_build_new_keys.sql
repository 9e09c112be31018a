-- depends: 0022_summaries_by_item_type
-- The indexes of the new keys. Building them takes a while for a large summary; loads wait for it, readers do not.

ALTER TABLE ops.load_ledger_amounts VALIDATE CONSTRAINT ck_load_ledger_amounts_measure;
CREATE UNIQUE INDEX pk_fact_daily_sales_new
    ON public.fact_daily_sales (date_key, retailer_key, product_key, store_key, currency, item_type);
CREATE UNIQUE INDEX pk_load_ledger_amounts_new
    ON ops.load_ledger_amounts (load_id, retailer_id, business_date, currency, measure);
