-- What the loaded partitions say of the dimensions, calculated in DuckDB and copied here. Dropped with the transaction.

-- Grain: product. Filled by incoming_products.sql; read by upsert_products.sql and for the keys of built months.
CREATE TEMP TABLE incoming_products (
    product_id       text NOT NULL,
    product_name     text NOT NULL,
    product_category text NOT NULL,
    product_as_of    timestamptz NOT NULL
) ON COMMIT DROP;

-- Grain: store. Filled by incoming_stores.sql; read by upsert_stores.sql and for the keys of built months.
CREATE TEMP TABLE incoming_stores (
    store_id      text NOT NULL,
    store_name    text,
    store_city    text,
    store_country text,
    store_as_of   timestamptz NOT NULL
) ON COMMIT DROP;

-- Grain of ops.customer_observations. Filled by incoming_customers.sql; read by record_observations.sql and
-- find_customer_versions.sql.
CREATE TEMP TABLE incoming_customers (
    customer_id   text NOT NULL,
    observed_at   timestamptz NOT NULL,
    date_key      integer NOT NULL,
    customer_name text,
    segment       text,
    city          text,
    country       text,
    changed_at    timestamptz NOT NULL
) ON COMMIT DROP;

-- Grain of ops.transaction_dates. Filled by incoming_transactions.sql; read by find_split_transactions.sql.
CREATE TEMP TABLE incoming_transactions (
    transaction_id text NOT NULL,
    date_key       integer NOT NULL
) ON COMMIT DROP;
