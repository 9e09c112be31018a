-- Grain: one row per natural key and partition that is merged, as conformed. Gone when the transaction ends.
CREATE TEMP TABLE staged_sales (
    date_key          integer NOT NULL,
    transaction_id    text NOT NULL,
    line_id           text NOT NULL,
    line_type         text NOT NULL,
    sold_at           timestamptz NOT NULL,
    source_changed_at timestamptz NOT NULL,
    store_id          text NOT NULL,
    product_id        text NOT NULL,
    customer_id       text NOT NULL,
    quantity          numeric(12, 3) NOT NULL,
    unit_price        numeric(14, 4) NOT NULL,
    total_amount      numeric(18, 4) NOT NULL,
    net_quantity      numeric(12, 3) NOT NULL,
    net_amount        numeric(18, 4) NOT NULL,
    currency          char(3) NOT NULL
) ON COMMIT DROP;
