-- Which products are returned most often? Returned units in percent of units sold in the latest quarter, fifty sold or more.
WITH latest AS (
    SELECT max(date_key) AS date_key FROM fact_daily_sales
),
quarter_days AS (
    SELECT
        min(day.date_key) AS first_key, max(day.date_key) AS last_key
    FROM dim_date AS day
    JOIN dim_date AS last_day ON day.year = last_day.year AND day.quarter = last_day.quarter
    JOIN latest ON latest.date_key = last_day.date_key
),
product_sales AS (
    SELECT
        sales.product_key, sum(sales.sold_quantity) AS sold_quantity, sum(sales.returned_quantity) AS returned_quantity,
        sum(sales.returns_amount) AS returns_amount, sales.currency
    FROM fact_daily_sales AS sales
    JOIN quarter_days ON sales.date_key BETWEEN quarter_days.first_key AND quarter_days.last_key
    GROUP BY sales.product_key, sales.currency
    HAVING sum(sales.sold_quantity) >= 50 AND sum(sales.returned_quantity) > 0
)
SELECT
    product.product_id, product.product_name, sales.sold_quantity, sales.returned_quantity,
    round(100 * sales.returned_quantity / sales.sold_quantity, 1) AS returned_percent, sales.returns_amount, sales.currency
FROM product_sales AS sales
JOIN dim_product AS product USING (product_key)
ORDER BY returned_percent DESC, sales.returned_quantity DESC, product.product_id
LIMIT 20;
