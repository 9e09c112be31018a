-- As in database/init/01_create_schema.sql and the migrations.
ALTER TABLE ops.transaction_dates ADD CONSTRAINT pk_transaction_dates PRIMARY KEY (retailer_key, transaction_id, date_key);
CREATE INDEX ix_transaction_dates_partition ON ops.transaction_dates (date_key, retailer_key);
ALTER TABLE ops.customer_observations
    ADD CONSTRAINT pk_customer_observations PRIMARY KEY (retailer_key, customer_id, observed_at, date_key);
CREATE INDEX ix_customer_observations_partition ON ops.customer_observations (date_key, retailer_key);
ALTER TABLE fact_daily_sales
    ADD CONSTRAINT pk_fact_daily_sales PRIMARY KEY (date_key, retailer_key, product_key, store_key, currency, item_type);
ALTER TABLE fact_daily_transactions
    ADD CONSTRAINT pk_fact_daily_transactions PRIMARY KEY (date_key, retailer_key, store_key, currency);
