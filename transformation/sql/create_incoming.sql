-- What the loaded partitions tell of the dimensions, found columnar and filled by COPY. Gone when the transaction ends.
CREATE TEMP TABLE incoming_products (
    product_id       text NOT NULL,
    product_name     text NOT NULL,
    product_category text NOT NULL,
    product_as_of    timestamptz NOT NULL
) ON COMMIT DROP;
CREATE TEMP TABLE incoming_stores (
    store_id      text NOT NULL,
    store_name    text,
    store_city    text,
    store_country text,
    store_as_of   timestamptz NOT NULL
) ON COMMIT DROP;
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
CREATE TEMP TABLE incoming_transactions (
    transaction_id text NOT NULL,
    date_key       integer NOT NULL
) ON COMMIT DROP;
