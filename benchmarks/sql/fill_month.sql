-- The facts of the days from first_day to last_day, three lines a receipt, three receipts in ten by guests.
-- A few products and customers are far more frequent than the others.
INSERT INTO {partition}
SELECT
    to_char(day, 'YYYYMMDD')::integer, retailer,
    (ARRAY['S', 'ORD-', 'T'])[retailer] || to_char(day, 'YYMMDD') || '-' || lpad((line / 3)::text, 6, '0'),
    (line %% 3 + 1)::text,
    retailer * 10000000 + product,
    retailer * 10000000 + CASE WHEN (line / 3) %% 10 < 3 THEN 0 ELSE customer END,
    retailer * 10000000 + (line / 3) %% 8,
    CASE WHEN line %% 50 = 0 THEN 'return' ELSE 'sale' END,
    day + interval '14 hours' + line * interval '1 second',
    (ARRAY['USD', 'GBP', 'EUR'])[retailer],
    quantity, price, quantity * price,
    CASE WHEN line %% 50 = 0 THEN -quantity ELSE quantity END,
    CASE WHEN line %% 50 = 0 THEN -quantity * price ELSE quantity * price END,
    day + interval '15 hours', 1
FROM generate_series(%(first_day)s::timestamptz, %(last_day)s::timestamptz, interval '1 day') AS day,
    generate_series(1, 3) AS retailer,
    generate_series(0, %(lines)s - 1) AS line,
    LATERAL (SELECT abs(hashint8(line * 100003 + extract(doy FROM day)::bigint)) / 2147483648.0 AS chance) AS product_drawn,
    LATERAL (SELECT abs(hashint8(line / 3 * 100019 + extract(epoch FROM day)::bigint)) / 2147483648.0 AS chance) AS customer_drawn,
    LATERAL (SELECT
        floor(%(products)s * product_drawn.chance ^ 3)::integer AS product,
        1 + floor(%(customers)s * customer_drawn.chance ^ 2)::integer AS customer,
        (1 + line %% 4)::numeric(12, 3) AS quantity,
        (0.99 + line %% 40)::numeric(14, 4) AS price
    ) AS drawn;
