-- question = "How did each retailer trade on this day, and how does that compare with the same weekday a week before?"
-- grain = "business date x retailer x currency"
-- unique_index = ["business_date", "retailer_id", "currency"]
-- reads = ["fact_daily_sales", "fact_daily_transactions", "dim_date", "dim_retailer"]
--
-- [columns]
-- business_date = { type = "date", from = ["dim_date.full_date"], comment = "Trading day in the retailer's own time zone." }
-- retailer_id = { type = "text", from = ["dim_retailer.retailer_id"], comment = "The retailer's id on the platform." }
-- retailer_name = { type = "text", from = ["dim_retailer.retailer_name"], comment = "Name of the retailer." }
-- currency = { type = "text", from = ["fact_daily_sales.currency"], comment = "ISO 4217 code of all amounts of the row." }
-- year = { type = "smallint", from = ["dim_date.year"], comment = "Calendar year." }
-- month = { type = "smallint", from = ["dim_date.month"], comment = "Month, 1 to 12." }
-- weekday_name = { type = "text", from = ["dim_date.weekday_name"], comment = "English name of the weekday." }
-- is_weekend = { type = "boolean", from = ["dim_date.is_weekend"], comment = "Saturday or Sunday." }
-- store_count = { type = "bigint", from = ["fact_daily_transactions.transaction_count"], comment = "Stores with at least one sale." }
-- transaction_count = { type = "bigint", from = ["fact_daily_transactions.transaction_count"], comment = "Transactions with at least one sale line." }
-- customer_visit_count = { type = "bigint", from = ["fact_daily_transactions.customer_count"], comment = "Known customers with a sale, counted once per store; guests are not counted." }
-- line_count = { type = "bigint", from = ["fact_daily_sales.line_count"], comment = "Lines of every type." }
-- sold_quantity = { type = "numeric", from = ["fact_daily_sales.sold_quantity"], comment = "Units of products sold." }
-- returned_quantity = { type = "numeric", from = ["fact_daily_sales.returned_quantity"], comment = "Units of products returned, positive." }
-- net_quantity = { type = "numeric", from = ["fact_daily_sales.net_quantity"], comment = "Units sold less units returned, with adjustments." }
-- sales_amount = { type = "numeric", from = ["fact_daily_sales.sales_amount", "fact_daily_sales.item_type"], comment = "Net amount of the sale lines, without tips and gift cards." }
-- returns_amount = { type = "numeric", from = ["fact_daily_sales.returns_amount", "fact_daily_sales.item_type"], comment = "Net amount paid back, positive, without tips and gift cards." }
-- adjustment_amount = { type = "numeric", from = ["fact_daily_sales.net_amount", "fact_daily_sales.sales_amount", "fact_daily_sales.returns_amount"], comment = "Money of the adjustment lines, signed." }
-- net_amount = { type = "numeric", from = ["fact_daily_sales.net_amount"], comment = "Revenue: sales_amount - returns_amount + adjustment_amount." }
-- average_transaction_amount = { type = "numeric", from = ["fact_daily_sales.sales_amount", "fact_daily_transactions.transaction_count"], comment = "sales_amount / transaction_count; null without transactions." }
-- week_before_net_amount = { type = "numeric", from = ["fact_daily_sales.net_amount"], comment = "net_amount seven days earlier; null when nothing was sold then." }
-- change_on_week_before_percent = { type = "numeric", from = ["fact_daily_sales.net_amount"], comment = "Change of net_amount against seven days earlier, in percent of then." }
-- discount_amount = { type = "numeric", from = ["fact_daily_sales.discount_amount"], comment = "Discounts given, less those of what was paid back; net_amount is without them." }
-- tax_amount = { type = "numeric", from = ["fact_daily_sales.tax_amount"], comment = "Signed tax, also of tips and gift cards, as far as the sources give it; net_amount is without it." }
-- shipping_amount = { type = "numeric", from = ["fact_daily_sales.net_amount", "fact_daily_sales.item_type"], comment = "Signed amount charged for shipping; part of net_amount." }
-- other_charges_amount = { type = "numeric", from = ["fact_daily_sales.net_amount", "fact_daily_sales.item_type"], comment = "Signed amount of fees and other charges; part of net_amount." }
-- tip_amount = { type = "numeric", from = ["fact_daily_sales.net_amount", "fact_daily_sales.item_type"], comment = "Signed tips; not revenue." }
-- gift_card_amount = { type = "numeric", from = ["fact_daily_sales.net_amount", "fact_daily_sales.item_type"], comment = "Signed amount of gift cards sold; not revenue before they are spent." }

WITH daily_sales AS (
    SELECT
        date_key,
        retailer_key,
        currency,
        sum(line_count) AS line_count,
        sum(sold_quantity) AS sold_quantity,
        sum(returned_quantity) AS returned_quantity,
        sum(net_quantity) AS net_quantity,
        coalesce(sum(sales_amount) FILTER (WHERE item_type NOT IN ('tip', 'gift_card')), 0) AS sales_amount,
        coalesce(sum(returns_amount) FILTER (WHERE item_type NOT IN ('tip', 'gift_card')), 0) AS returns_amount,
        coalesce(sum(net_amount) FILTER (WHERE item_type NOT IN ('tip', 'gift_card')), 0) AS net_amount,
        coalesce(sum(discount_amount) FILTER (WHERE item_type NOT IN ('tip', 'gift_card')), 0) AS discount_amount,
        sum(tax_amount) AS tax_amount,
        coalesce(sum(net_amount) FILTER (WHERE item_type = 'shipping'), 0) AS shipping_amount,
        coalesce(sum(net_amount) FILTER (WHERE item_type IN ('fee', 'other')), 0) AS other_charges_amount,
        coalesce(sum(net_amount) FILTER (WHERE item_type = 'tip'), 0) AS tip_amount,
        coalesce(sum(net_amount) FILTER (WHERE item_type = 'gift_card'), 0) AS gift_card_amount
    FROM fact_daily_sales
    GROUP BY date_key, retailer_key, currency
),
daily_transactions AS (
    SELECT
        date_key,
        retailer_key,
        currency,
        count(*) FILTER (WHERE transaction_count > 0) AS store_count,
        sum(transaction_count) AS transaction_count,
        sum(customer_count) AS customer_visit_count
    FROM fact_daily_transactions
    GROUP BY date_key, retailer_key, currency
),
named_days AS (
    SELECT
        day.full_date AS business_date,
        retailer.retailer_id,
        retailer.retailer_name,
        sales.currency::text AS currency,
        day.year,
        day.month,
        day.weekday_name,
        day.is_weekend,
        coalesce(transactions.store_count, 0) AS store_count,
        coalesce(transactions.transaction_count, 0) AS transaction_count,
        coalesce(transactions.customer_visit_count, 0) AS customer_visit_count,
        sales.line_count,
        sales.sold_quantity,
        sales.returned_quantity,
        sales.net_quantity,
        sales.sales_amount,
        sales.returns_amount,
        sales.net_amount - sales.sales_amount + sales.returns_amount AS adjustment_amount,
        sales.net_amount,
        sales.discount_amount,
        sales.tax_amount,
        sales.shipping_amount,
        sales.other_charges_amount,
        sales.tip_amount,
        sales.gift_card_amount
    FROM daily_sales AS sales
    JOIN dim_date AS day USING (date_key)
    JOIN dim_retailer AS retailer USING (retailer_key)
    LEFT JOIN daily_transactions AS transactions USING (date_key, retailer_key, currency)
),
days_against_the_week_before AS (
    SELECT
        this_day.business_date,
        this_day.retailer_id,
        this_day.retailer_name,
        this_day.currency,
        this_day.year,
        this_day.month,
        this_day.weekday_name,
        this_day.is_weekend,
        this_day.store_count,
        this_day.transaction_count,
        this_day.customer_visit_count,
        this_day.line_count,
        this_day.sold_quantity,
        this_day.returned_quantity,
        this_day.net_quantity,
        this_day.sales_amount,
        this_day.returns_amount,
        this_day.adjustment_amount,
        this_day.net_amount,
        round(this_day.sales_amount / nullif(this_day.transaction_count, 0), 4) AS average_transaction_amount,
        week_before.net_amount AS week_before_net_amount,
        round(100 * (this_day.net_amount - week_before.net_amount) / nullif(greatest(week_before.net_amount, 0), 0), 2)
            AS change_on_week_before_percent,
        this_day.discount_amount,
        this_day.tax_amount,
        this_day.shipping_amount,
        this_day.other_charges_amount,
        this_day.tip_amount,
        this_day.gift_card_amount
    FROM named_days AS this_day
    LEFT JOIN named_days AS week_before
        ON week_before.business_date = this_day.business_date - 7
        AND week_before.retailer_id = this_day.retailer_id
        AND week_before.currency = this_day.currency
)
SELECT * FROM days_against_the_week_before
