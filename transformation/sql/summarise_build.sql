-- DuckDB. Grain of fact_daily_sales, in the order of its key and columns.
SELECT
    date_key, retailer_key, product_key, store_key, currency,
    CAST(count(*) AS INTEGER) AS line_count,
    coalesce(sum(quantity) FILTER (WHERE line_type = 'sale' AND item_type = 'product'), 0) AS sold_quantity,
    coalesce(sum(quantity) FILTER (WHERE line_type = 'return' AND item_type = 'product'), 0) AS returned_quantity,
    coalesce(sum(net_quantity) FILTER (WHERE item_type = 'product'), 0) AS net_quantity,
    coalesce(sum(net_amount) FILTER (WHERE line_type = 'sale'), 0) AS sales_amount,
    coalesce(-sum(net_amount) FILTER (WHERE line_type = 'return'), 0) AS returns_amount,
    coalesce(sum(net_amount) FILTER (WHERE line_type = 'adjustment'), 0) AS adjustment_amount,
    sum(net_amount) AS net_amount,
    item_type,
    sum(CASE WHEN line_type = 'return' OR net_amount < 0 THEN -discount_amount ELSE discount_amount END) AS discount_amount,
    coalesce(sum(net_tax_amount), 0) AS tax_amount
FROM built_rows
GROUP BY date_key, retailer_key, product_key, store_key, currency, item_type
ORDER BY date_key, retailer_key, product_key, store_key, currency, item_type;
