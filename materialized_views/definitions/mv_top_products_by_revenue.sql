-- question = "Which products earn the most at each retailer, over all time and in the last 28 days?"
-- grain = "retailer x product x currency, the first 1,000 of each retailer and currency by either rank"
-- unique_index = ["retailer_id", "product_id", "currency"]
-- reads = ["fact_daily_sales", "fact_daily_transactions", "dim_product", "dim_retailer"]
--
-- [columns]
-- retailer_id = { type = "text", from = ["dim_retailer.retailer_id"], comment = "The retailer's id on the platform." }
-- retailer_name = { type = "text", from = ["dim_retailer.retailer_name"], comment = "Name of the retailer." }
-- product_id = { type = "text", from = ["dim_product.product_id"], comment = "The retailer's own stock code, SKU or reference." }
-- product_name = { type = "text", from = ["dim_product.product_name"], comment = "Description as it is today; Unknown when the source has none." }
-- category = { type = "text", from = ["dim_product.category"], comment = "Department or family as it is today; Unknown when the source has none." }
-- currency = { type = "text", from = ["fact_daily_sales.currency"], comment = "ISO 4217 code of all amounts of the row." }
-- revenue_rank = { type = "bigint", from = ["fact_daily_sales.net_amount"], comment = "Place by net_amount over all time among the retailer's products in this currency; equal amounts share a place." }
-- net_quantity = { type = "numeric", from = ["fact_daily_sales.net_quantity"], comment = "Units sold less units returned, with adjustments, over all time." }
-- sales_amount = { type = "numeric", from = ["fact_daily_sales.sales_amount"], comment = "Money of the sale lines over all time." }
-- returns_amount = { type = "numeric", from = ["fact_daily_sales.returns_amount"], comment = "Money paid back over all time, positive." }
-- net_amount = { type = "numeric", from = ["fact_daily_sales.net_amount"], comment = "Revenue over all time: sales less returns, with adjustments." }
-- share_of_retailer_percent = { type = "numeric", from = ["fact_daily_sales.net_amount"], comment = "net_amount in percent of the revenue of all the retailer's products in this currency; null when that is not positive." }
-- running_share_percent = { type = "numeric", from = ["fact_daily_sales.net_amount"], comment = "The same for this product and all with a better place together (ABC analysis)." }
-- last_28_days_rank = { type = "bigint", from = ["fact_daily_sales.net_amount", "fact_daily_sales.date_key"], comment = "Place by last_28_days_net_amount." }
-- last_28_days_net_amount = { type = "numeric", from = ["fact_daily_sales.net_amount", "fact_daily_sales.date_key"], comment = "Revenue of the 28 days that end with the retailer's latest business date; 0 when none." }

WITH recent_windows AS MATERIALIZED ( -- a barrier: seen through it, the planner expects hardly a row
    SELECT retailer_key, to_char(to_date(max(date_key)::text, 'YYYYMMDD') - 27, 'YYYYMMDD')::integer AS first_date_key
    FROM fact_daily_transactions
    GROUP BY retailer_key
),
all_time AS (
    SELECT
        product_key,
        currency,
        sum(net_quantity) AS net_quantity,
        sum(sales_amount) AS sales_amount,
        sum(returns_amount) AS returns_amount,
        sum(net_amount) AS net_amount
    FROM fact_daily_sales
    WHERE item_type NOT IN ('tip', 'gift_card')
    GROUP BY product_key, currency
),
recent AS (
    SELECT sales.product_key, sales.currency, sum(sales.net_amount) AS net_amount
    FROM recent_windows AS recent_window
    JOIN fact_daily_sales AS sales
        ON sales.retailer_key = recent_window.retailer_key AND sales.date_key >= recent_window.first_date_key
    WHERE sales.item_type NOT IN ('tip', 'gift_card')
    GROUP BY sales.product_key, sales.currency
),
products AS (
    SELECT
        product.retailer_key,
        product.product_id,
        product.product_name,
        product.category,
        all_time.currency,
        all_time.net_quantity,
        all_time.sales_amount,
        all_time.returns_amount,
        all_time.net_amount,
        coalesce(recent.net_amount, 0) AS last_28_days_net_amount
    FROM all_time
    JOIN dim_product AS product USING (product_key)
    LEFT JOIN recent USING (product_key, currency)
),
ranked_products AS (
    SELECT
        products.*,
        rank() OVER (PARTITION BY retailer_key, currency ORDER BY net_amount DESC) AS revenue_rank,
        rank() OVER (PARTITION BY retailer_key, currency ORDER BY last_28_days_net_amount DESC) AS last_28_days_rank,
        sum(net_amount) OVER (PARTITION BY retailer_key, currency) AS retailer_net_amount,
        sum(net_amount) OVER (PARTITION BY retailer_key, currency ORDER BY net_amount DESC) AS running_net_amount
    FROM products
),
top_products AS (
    SELECT
        retailer.retailer_id,
        retailer.retailer_name,
        ranked.product_id,
        ranked.product_name,
        ranked.category,
        ranked.currency::text AS currency,
        ranked.revenue_rank,
        ranked.net_quantity,
        ranked.sales_amount,
        ranked.returns_amount,
        ranked.net_amount,
        round(100 * ranked.net_amount / nullif(greatest(ranked.retailer_net_amount, 0), 0), 4)
            AS share_of_retailer_percent,
        round(100 * ranked.running_net_amount / nullif(greatest(ranked.retailer_net_amount, 0), 0), 4)
            AS running_share_percent,
        ranked.last_28_days_rank,
        ranked.last_28_days_net_amount
    FROM ranked_products AS ranked
    JOIN dim_retailer AS retailer USING (retailer_key)
    WHERE ranked.revenue_rank <= 1000 OR ranked.last_28_days_rank <= 1000
)
SELECT * FROM top_products
