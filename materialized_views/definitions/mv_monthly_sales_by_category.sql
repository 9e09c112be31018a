-- question = "Which product categories carry each retailer's month, and which of them grow?"
-- grain = "month x retailer x category x currency"
-- unique_index = ["month_start_date", "retailer_id", "category", "currency"]
-- reads = ["fact_daily_sales", "dim_date", "dim_product", "dim_retailer"]
--
-- [columns]
-- month_start_date = { type = "date", from = ["dim_date.full_date"], comment = "First day of the month." }
-- year = { type = "smallint", from = ["dim_date.year"], comment = "Calendar year." }
-- month = { type = "smallint", from = ["dim_date.month"], comment = "Month, 1 to 12." }
-- month_name = { type = "text", from = ["dim_date.month_name"], comment = "English name of the month." }
-- retailer_id = { type = "text", from = ["dim_retailer.retailer_id"], comment = "The retailer's id on the platform." }
-- retailer_name = { type = "text", from = ["dim_retailer.retailer_name"], comment = "Name of the retailer." }
-- category = { type = "text", from = ["dim_product.category"], comment = "Department or family as the product is today; Unknown when the source has none." }
-- currency = { type = "text", from = ["fact_daily_sales.currency"], comment = "ISO 4217 code of all amounts of the row." }
-- line_count = { type = "bigint", from = ["fact_daily_sales.line_count"], comment = "Lines of every type." }
-- net_quantity = { type = "numeric", from = ["fact_daily_sales.net_quantity"], comment = "Units sold less units returned, with adjustments." }
-- sales_amount = { type = "numeric", from = ["fact_daily_sales.sales_amount"], comment = "Money of the sale lines." }
-- returns_amount = { type = "numeric", from = ["fact_daily_sales.returns_amount"], comment = "Money paid back, positive." }
-- net_amount = { type = "numeric", from = ["fact_daily_sales.net_amount"], comment = "Revenue: sales less returns, with adjustments." }
-- rank_in_month = { type = "bigint", from = ["fact_daily_sales.net_amount"], comment = "Place of the category by net_amount among the retailer's categories of the month; equal amounts share a place." }
-- share_of_month_percent = { type = "numeric", from = ["fact_daily_sales.net_amount"], comment = "net_amount in percent of the retailer's month in this currency; null when the month has no positive revenue." }
-- month_before_net_amount = { type = "numeric", from = ["fact_daily_sales.net_amount"], comment = "net_amount of the category in the calendar month before; null when it had no lines then." }
-- change_on_month_before_percent = { type = "numeric", from = ["fact_daily_sales.net_amount"], comment = "Change of net_amount against the month before, in percent of then." }
-- discount_amount = { type = "numeric", from = ["fact_daily_sales.discount_amount"], comment = "Discounts given, less those of what was paid back; net_amount is without them." }
-- tax_amount = { type = "numeric", from = ["fact_daily_sales.tax_amount"], comment = "Signed tax, as far as the sources give it; net_amount is without it." }

WITH category_months AS (
    SELECT
        sales.date_key / 100 AS month_key,
        sales.retailer_key,
        product.category,
        sales.currency,
        sum(sales.line_count) AS line_count,
        sum(sales.net_quantity) AS net_quantity,
        sum(sales.sales_amount) AS sales_amount,
        sum(sales.returns_amount) AS returns_amount,
        sum(sales.net_amount) AS net_amount,
        sum(sales.discount_amount) AS discount_amount,
        sum(sales.tax_amount) AS tax_amount
    FROM fact_daily_sales AS sales
    JOIN dim_product AS product USING (product_key)
    WHERE sales.item_type NOT IN ('tip', 'gift_card')
    GROUP BY sales.date_key / 100, sales.retailer_key, product.category, sales.currency
),
named_months AS (
    SELECT
        first_day.full_date AS month_start_date,
        first_day.year,
        first_day.month,
        first_day.month_name,
        retailer.retailer_id,
        retailer.retailer_name,
        months.category,
        months.currency::text AS currency,
        months.line_count,
        months.net_quantity,
        months.sales_amount,
        months.returns_amount,
        months.net_amount,
        months.discount_amount,
        months.tax_amount,
        sum(months.net_amount) OVER (PARTITION BY months.month_key, months.retailer_key, months.currency)
            AS retailer_net_amount
    FROM category_months AS months
    JOIN dim_date AS first_day ON first_day.date_key = months.month_key * 100 + 1
    JOIN dim_retailer AS retailer USING (retailer_key)
),
months_against_the_month_before AS (
    SELECT
        this_month.month_start_date,
        this_month.year,
        this_month.month,
        this_month.month_name,
        this_month.retailer_id,
        this_month.retailer_name,
        this_month.category,
        this_month.currency,
        this_month.line_count,
        this_month.net_quantity,
        this_month.sales_amount,
        this_month.returns_amount,
        this_month.net_amount,
        rank() OVER (
            PARTITION BY this_month.month_start_date, this_month.retailer_id, this_month.currency
            ORDER BY this_month.net_amount DESC
        ) AS rank_in_month,
        round(100 * this_month.net_amount / nullif(greatest(this_month.retailer_net_amount, 0), 0), 2)
            AS share_of_month_percent,
        month_before.net_amount AS month_before_net_amount,
        round(
            100 * (this_month.net_amount - month_before.net_amount) / nullif(greatest(month_before.net_amount, 0), 0), 2
        ) AS change_on_month_before_percent,
        this_month.discount_amount,
        this_month.tax_amount
    FROM named_months AS this_month
    LEFT JOIN named_months AS month_before
        ON month_before.month_start_date = (this_month.month_start_date - interval '1 month')::date
        AND month_before.retailer_id = this_month.retailer_id
        AND month_before.category = this_month.category
        AND month_before.currency = this_month.currency
)
SELECT * FROM months_against_the_month_before
