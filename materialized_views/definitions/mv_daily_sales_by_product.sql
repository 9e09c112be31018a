-- question = "How much of each product was sold and returned on each of the last days?"
-- grain = "business date x retailer x product x currency, for the 35 days that end with the retailer's latest business date"
-- unique_index = ["business_date", "retailer_id", "product_id", "currency"]
-- reads = ["fact_daily_sales", "fact_daily_transactions", "dim_date", "dim_product", "dim_retailer"]
--
-- [columns]
-- business_date = { type = "date", from = ["dim_date.full_date"], comment = "Trading day in the retailer's own time zone." }
-- retailer_id = { type = "text", from = ["dim_retailer.retailer_id"], comment = "The retailer's id on the platform." }
-- retailer_name = { type = "text", from = ["dim_retailer.retailer_name"], comment = "Name of the retailer." }
-- product_id = { type = "text", from = ["dim_product.product_id"], comment = "The retailer's own stock code, SKU or reference." }
-- product_name = { type = "text", from = ["dim_product.product_name"], comment = "Description as it is today; Unknown when the source has none." }
-- category = { type = "text", from = ["dim_product.category"], comment = "Department or family as it is today; Unknown when the source has none." }
-- currency = { type = "text", from = ["fact_daily_sales.currency"], comment = "ISO 4217 code of all amounts of the row." }
-- line_count = { type = "bigint", from = ["fact_daily_sales.line_count"], comment = "Lines of every type." }
-- sold_quantity = { type = "numeric", from = ["fact_daily_sales.sold_quantity"], comment = "Units sold." }
-- returned_quantity = { type = "numeric", from = ["fact_daily_sales.returned_quantity"], comment = "Units returned, positive." }
-- sales_amount = { type = "numeric", from = ["fact_daily_sales.sales_amount"], comment = "Money of the sale lines." }
-- returns_amount = { type = "numeric", from = ["fact_daily_sales.returns_amount"], comment = "Money paid back, positive." }
-- adjustment_amount = { type = "numeric", from = ["fact_daily_sales.net_amount", "fact_daily_sales.sales_amount", "fact_daily_sales.returns_amount"], comment = "Money of the adjustment lines, signed; null when there are none." }
-- net_amount = { type = "numeric", from = ["fact_daily_sales.net_amount"], comment = "Revenue: sales less returns, with adjustments." }
-- discount_amount = { type = "numeric", from = ["fact_daily_sales.discount_amount"], comment = "Discounts given, less those of what was paid back; net_amount is without them. Null when there are none." }
-- tax_amount = { type = "numeric", from = ["fact_daily_sales.tax_amount"], comment = "Signed tax, as far as the sources give it; net_amount is without it. Null when there is none." }

WITH recent_windows AS MATERIALIZED (
    SELECT retailer_key, to_char(to_date(max(date_key)::text, 'YYYYMMDD') - 34, 'YYYYMMDD')::integer AS first_date_key
    FROM fact_daily_transactions
    GROUP BY retailer_key
),
product_days AS (
    SELECT
        sales.date_key,
        sales.retailer_key,
        sales.product_key,
        sales.currency,
        sum(sales.line_count) AS line_count,
        sum(sales.sold_quantity) AS sold_quantity,
        sum(sales.returned_quantity) AS returned_quantity,
        sum(sales.sales_amount) AS sales_amount,
        sum(sales.returns_amount) AS returns_amount,
        sum(sales.net_amount) AS net_amount,
        sum(sales.discount_amount) AS discount_amount,
        sum(sales.tax_amount) AS tax_amount
    FROM recent_windows AS recent_window
    JOIN fact_daily_sales AS sales
        ON sales.retailer_key = recent_window.retailer_key AND sales.date_key >= recent_window.first_date_key
    WHERE sales.item_type NOT IN ('tip', 'gift_card')
    GROUP BY sales.date_key, sales.retailer_key, sales.product_key, sales.currency
),
named_product_days AS (
    SELECT
        day.full_date AS business_date,
        retailer.retailer_id,
        retailer.retailer_name,
        product.product_id,
        product.product_name,
        product.category,
        sales.currency::text AS currency,
        sales.line_count,
        sales.sold_quantity,
        sales.returned_quantity,
        sales.sales_amount,
        sales.returns_amount,
        -- Null rather than 0: REFRESH … CONCURRENTLY looks for duplicates only among rows without a null, by sorting
        -- all of them, which would take longer than everything else. The unique index finds duplicates as well.
        nullif(sales.net_amount - sales.sales_amount + sales.returns_amount, 0) AS adjustment_amount,
        sales.net_amount,
        nullif(sales.discount_amount, 0) AS discount_amount,
        nullif(sales.tax_amount, 0) AS tax_amount
    FROM product_days AS sales
    JOIN dim_date AS day USING (date_key)
    JOIN dim_retailer AS retailer USING (retailer_key)
    JOIN dim_product AS product USING (product_key)
)
SELECT * FROM named_product_days
