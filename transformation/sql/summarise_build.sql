-- DuckDB. Grain of fact_daily_sales, in the order of its key and columns.
SELECT
    date_key, retailer_key, product_key, store_key, currency,
    CAST(count(*) AS INTEGER) AS line_count,
    coalesce(sum(quantity) FILTER (WHERE line_type = 'sale'), 0) AS sold_quantity,
    coalesce(sum(quantity) FILTER (WHERE line_type = 'return'), 0) AS returned_quantity,
    sum(net_quantity) AS net_quantity,
    coalesce(sum(total_amount) FILTER (WHERE line_type = 'sale'), 0) AS sales_amount,
    coalesce(sum(total_amount) FILTER (WHERE line_type = 'return'), 0) AS returns_amount,
    coalesce(sum(net_amount) FILTER (WHERE line_type = 'adjustment'), 0) AS adjustment_amount,
    sum(net_amount) AS net_amount
FROM built_rows
GROUP BY date_key, retailer_key, product_key, store_key, currency
ORDER BY date_key, retailer_key, product_key, store_key, currency;
