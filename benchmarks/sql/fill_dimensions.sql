-- Dimension rows for three retailers, with keys that can be calculated: retailer_key * 10,000,000 + number.
-- Products and stores are those of the day to be loaded; its customers are others, as there are new ones every day.
INSERT INTO dim_product (product_key, retailer_key, product_id, product_name, category, attributes_as_of)
SELECT
    retailer * 10000000 + number, retailer,
    (ARRAY['SKU-', 'P', 'A-'])[retailer] || lpad(number::text, 5, '0'), 'Product ' || number, 'Home', timestamptz '2015-01-01'
FROM generate_series(1, 3) AS retailer, generate_series(0, %(products)s - 1) AS number;

INSERT INTO dim_store (store_key, retailer_key, store_id, store_name, attributes_as_of)
SELECT retailer * 10000000 + number, retailer, 'NY' || lpad(number::text, 2, '0'), 'Store ' || number, timestamptz '2015-01-01'
FROM generate_series(1, 3) AS retailer, generate_series(0, 7) AS number;

INSERT INTO dim_customer (
    customer_key, retailer_key, customer_id, customer_name, segment, city, country, valid_from, valid_to, is_current
)
SELECT
    retailer * 10000000 + number, retailer,
    CASE number WHEN 0 THEN 'GUEST' ELSE (ARRAY['C', 'B', 'K'])[retailer] || (100000 + number) END,
    CASE WHEN number > 0 THEN 'Name ' || number END, CASE WHEN number > 0 THEN 'gold' END,
    CASE WHEN number > 0 THEN 'City ' || number %% 100 END, CASE WHEN number > 0 THEN 'US' END,
    timestamptz '2015-01-01', timestamptz '9999-12-31 00:00+00', true
FROM generate_series(1, 3) AS retailer, generate_series(0, %(customers)s) AS number;

SELECT setval(pg_get_serial_sequence(name, replace(name, 'dim_', '') || '_key'), 100000000)
FROM unnest(ARRAY['dim_product', 'dim_store', 'dim_customer']) AS name;
