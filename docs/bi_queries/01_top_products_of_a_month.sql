-- Which ten products earned the most in the latest complete month, and what share of that month are they?
WITH latest AS (
    SELECT (date_trunc('month', max(business_date) + 1) - interval '1 month')::date AS month_start_date
    FROM mv_daily_sales_summary
),
product_sales AS (
    SELECT sales.retailer_key, sales.product_key, sales.currency, sum(sales.net_amount) AS net_amount
    FROM fact_daily_sales AS sales
    CROSS JOIN latest
    WHERE sales.date_key >= to_char(month_start_date, 'YYYYMMDD')::integer
        AND sales.date_key < to_char(month_start_date + interval '1 month', 'YYYYMMDD')::integer
    GROUP BY sales.retailer_key, sales.product_key, sales.currency
),
ranked AS (
    SELECT
        *,
        rank() OVER (PARTITION BY retailer_key, currency ORDER BY net_amount DESC) AS place,
        round(100 * net_amount / nullif(sum(net_amount) OVER (PARTITION BY retailer_key, currency), 0), 2) AS share_percent
    FROM product_sales
)
SELECT retailer.retailer_name, ranked.place, product.product_name, ranked.net_amount, ranked.currency, ranked.share_percent
FROM ranked
JOIN dim_product AS product USING (product_key)
JOIN dim_retailer AS retailer ON retailer.retailer_key = ranked.retailer_key
WHERE ranked.place <= 10
ORDER BY retailer.retailer_name, ranked.currency, ranked.place;
