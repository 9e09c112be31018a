-- Retailer 2: orders and their lines, normalised; money in minor units, times as epoch seconds.
-- Grain of orders: one state of one order. Read it as of a time t:
-- modified_at <= t and (superseded_at is null or superseded_at > t).
-- Plain SQL that may run again.

CREATE TABLE IF NOT EXISTS shops (
    shop_id text PRIMARY KEY,
    title   text NOT NULL,
    town    text
);

CREATE TABLE IF NOT EXISTS catalogue (
    entry_id bigint PRIMARY KEY,
    code     text NOT NULL,
    title    text,
    category text
);

CREATE TABLE IF NOT EXISTS buyers (
    buyer_state bigint PRIMARY KEY,
    buyer_ref   text NOT NULL,
    full_name   text,
    tier        text,
    town        text,
    country     text NOT NULL,
    since_epoch bigint
);

CREATE TABLE IF NOT EXISTS orders (
    order_pk        bigint PRIMARY KEY,
    order_ref       text NOT NULL,
    kind            smallint NOT NULL CHECK (kind IN (1, 2, 3)),
    trading_day     integer NOT NULL,
    placed_at       bigint NOT NULL,
    modified_at     bigint NOT NULL,
    superseded_at   bigint,
    previous_day    integer,
    withdrawn       boolean NOT NULL DEFAULT false,
    shop_id         text NOT NULL REFERENCES shops,
    buyer_state     bigint REFERENCES buyers,
    currency        char(3) NOT NULL,
    exponent        smallint NOT NULL,
    refunded_ref    text
);
CREATE INDEX IF NOT EXISTS orders_by_day ON orders (trading_day, placed_at, order_pk);
CREATE INDEX IF NOT EXISTS orders_by_change ON orders (modified_at, order_pk);

CREATE TABLE IF NOT EXISTS order_lines (
    order_pk    bigint NOT NULL REFERENCES orders,
    position    integer NOT NULL,
    line_ref    text,
    entry_id    bigint NOT NULL REFERENCES catalogue,
    quantity    integer NOT NULL,
    unit_amount bigint NOT NULL,
    amount      bigint NOT NULL,
    withdrawn   boolean NOT NULL DEFAULT false,
    repeated    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (order_pk, position)
);

COMMENT ON TABLE orders IS 'One state of one order, valid from modified_at until superseded_at (epoch seconds)';
COMMENT ON COLUMN orders.kind IS '1 order, 2 refund, 3 adjustment';
COMMENT ON COLUMN orders.trading_day IS 'yyyymmdd';
COMMENT ON COLUMN orders.refunded_ref IS 'For a refund: the order it takes back, when known';
COMMENT ON TABLE buyers IS 'One state of one buyer, from since_epoch on';
COMMENT ON TABLE catalogue IS 'A product under one of the titles it has had';
COMMENT ON COLUMN order_lines.repeated IS 'Identical to an earlier line; delivered again, counted once';

CREATE SCHEMA IF NOT EXISTS simulation;
CREATE TABLE IF NOT EXISTS simulation.made_days (day date PRIMARY KEY);
CREATE TABLE IF NOT EXISTS simulation.made_from (origin text NOT NULL);
COMMENT ON TABLE simulation.made_days IS 'Business dates whose orders are in the tables';
COMMENT ON TABLE simulation.made_from IS 'Seed and size, or CSV, that the tables were filled from';
