-- Which products make up the first half of all revenue, and do they still sell?
SELECT
    retailer_name, revenue_rank, product_name, category, net_amount, currency, running_share_percent, last_28_days_rank
FROM mv_top_products_by_revenue
WHERE running_share_percent - share_of_retailer_percent < 50
ORDER BY retailer_name, currency, revenue_rank;
