-- question = "What did each retailer turn over in the quarter, against the quarter before and the same quarter a year before?"
-- grain = "quarter x retailer x currency"
-- unique_index = ["quarter_start_date", "retailer_id", "currency"]
-- reads = ["mv_daily_sales_summary", "dim_date"]
--
-- [columns]
-- quarter_start_date = { type = "date", from = ["dim_date.year", "dim_date.quarter"], comment = "First day of the quarter." }
-- quarter_end_date = { type = "date", from = ["dim_date.year", "dim_date.quarter"], comment = "Last day of the quarter." }
-- year = { type = "smallint", from = ["dim_date.year"], comment = "Calendar year." }
-- quarter = { type = "smallint", from = ["dim_date.quarter"], comment = "Quarter, 1 to 4." }
-- quarter_name = { type = "text", from = ["dim_date.year", "dim_date.quarter"], comment = "The quarter as 2024-Q1." }
-- retailer_id = { type = "text", from = ["mv_daily_sales_summary.retailer_id"], comment = "The retailer's id on the platform." }
-- retailer_name = { type = "text", from = ["mv_daily_sales_summary.retailer_name"], comment = "Name of the retailer." }
-- currency = { type = "text", from = ["mv_daily_sales_summary.currency"], comment = "ISO 4217 code of all amounts of the row." }
-- is_complete = { type = "boolean", from = ["mv_daily_sales_summary.business_date"], comment = "The retailer's latest business date is the quarter's last day or later; compare only complete quarters." }
-- trading_day_count = { type = "bigint", from = ["mv_daily_sales_summary.business_date"], comment = "Days of the quarter with lines in this currency." }
-- transaction_count = { type = "bigint", from = ["mv_daily_sales_summary.transaction_count"], comment = "Transactions with at least one sale line." }
-- line_count = { type = "bigint", from = ["mv_daily_sales_summary.line_count"], comment = "Lines of every type." }
-- net_quantity = { type = "numeric", from = ["mv_daily_sales_summary.net_quantity"], comment = "Units sold less units returned, with adjustments." }
-- sales_amount = { type = "numeric", from = ["mv_daily_sales_summary.sales_amount"], comment = "Money of the sale lines." }
-- returns_amount = { type = "numeric", from = ["mv_daily_sales_summary.returns_amount"], comment = "Money paid back, positive." }
-- adjustment_amount = { type = "numeric", from = ["mv_daily_sales_summary.adjustment_amount"], comment = "Money of the adjustment lines, signed." }
-- net_amount = { type = "numeric", from = ["mv_daily_sales_summary.net_amount"], comment = "Revenue: sales_amount - returns_amount + adjustment_amount." }
-- average_transaction_amount = { type = "numeric", from = ["mv_daily_sales_summary.sales_amount", "mv_daily_sales_summary.transaction_count"], comment = "sales_amount / transaction_count; null without transactions." }
-- quarter_before_net_amount = { type = "numeric", from = ["mv_daily_sales_summary.net_amount"], comment = "net_amount of the quarter before; null when it had no lines." }
-- change_on_quarter_before_percent = { type = "numeric", from = ["mv_daily_sales_summary.net_amount"], comment = "Change of net_amount against the quarter before, in percent of then." }
-- year_before_net_amount = { type = "numeric", from = ["mv_daily_sales_summary.net_amount"], comment = "net_amount of the same quarter a year before; null when it had no lines." }
-- change_on_year_before_percent = { type = "numeric", from = ["mv_daily_sales_summary.net_amount"], comment = "Change of net_amount against the same quarter a year before, in percent of then." }
-- discount_amount = { type = "numeric", from = ["mv_daily_sales_summary.discount_amount"], comment = "Discounts given, less those of what was paid back; net_amount is without them." }
-- tax_amount = { type = "numeric", from = ["mv_daily_sales_summary.tax_amount"], comment = "Signed tax, also of tips and gift cards, as far as the sources give it; net_amount is without it." }
-- shipping_amount = { type = "numeric", from = ["mv_daily_sales_summary.shipping_amount"], comment = "Signed amount charged for shipping; part of net_amount." }
-- other_charges_amount = { type = "numeric", from = ["mv_daily_sales_summary.other_charges_amount"], comment = "Signed amount of fees and other charges; part of net_amount." }
-- tip_amount = { type = "numeric", from = ["mv_daily_sales_summary.tip_amount"], comment = "Signed tips; not revenue." }
-- gift_card_amount = { type = "numeric", from = ["mv_daily_sales_summary.gift_card_amount"], comment = "Signed amount of gift cards sold; not revenue before they are spent." }

WITH quarters AS (
    SELECT
        day.year,
        day.quarter,
        make_date(day.year, day.quarter * 3 - 2, 1) AS quarter_start_date,
        daily.retailer_id,
        daily.retailer_name,
        daily.currency,
        max(daily.business_date) AS last_trading_date,
        count(*) AS trading_day_count,
        sum(daily.transaction_count)::bigint AS transaction_count,
        sum(daily.line_count)::bigint AS line_count,
        sum(daily.net_quantity) AS net_quantity,
        sum(daily.sales_amount) AS sales_amount,
        sum(daily.returns_amount) AS returns_amount,
        sum(daily.adjustment_amount) AS adjustment_amount,
        sum(daily.net_amount) AS net_amount,
        sum(daily.discount_amount) AS discount_amount,
        sum(daily.tax_amount) AS tax_amount,
        sum(daily.shipping_amount) AS shipping_amount,
        sum(daily.other_charges_amount) AS other_charges_amount,
        sum(daily.tip_amount) AS tip_amount,
        sum(daily.gift_card_amount) AS gift_card_amount
    FROM mv_daily_sales_summary AS daily
    JOIN dim_date AS day ON day.full_date = daily.business_date
    GROUP BY day.year, day.quarter, daily.retailer_id, daily.retailer_name, daily.currency
),
quarters_with_neighbours AS (
    SELECT
        quarters.*,
        max(last_trading_date) OVER (PARTITION BY retailer_id) AS latest_date,
        sum(net_amount) OVER (
            PARTITION BY retailer_id, currency ORDER BY year * 4 + quarter RANGE BETWEEN 1 PRECEDING AND 1 PRECEDING
        ) AS quarter_before_net_amount,
        sum(net_amount) OVER (
            PARTITION BY retailer_id, currency ORDER BY year * 4 + quarter RANGE BETWEEN 4 PRECEDING AND 4 PRECEDING
        ) AS year_before_net_amount
    FROM quarters
),
quarterly_summary AS (
    SELECT
        quarter_start_date,
        (quarter_start_date + interval '3 months')::date - 1 AS quarter_end_date,
        year,
        quarter,
        year || '-Q' || quarter AS quarter_name,
        retailer_id,
        retailer_name,
        currency,
        latest_date >= (quarter_start_date + interval '3 months')::date - 1 AS is_complete,
        trading_day_count,
        transaction_count,
        line_count,
        net_quantity,
        sales_amount,
        returns_amount,
        adjustment_amount,
        net_amount,
        round(sales_amount / nullif(transaction_count, 0), 4) AS average_transaction_amount,
        quarter_before_net_amount,
        round(100 * (net_amount - quarter_before_net_amount) / nullif(greatest(quarter_before_net_amount, 0), 0), 2)
            AS change_on_quarter_before_percent,
        year_before_net_amount,
        round(100 * (net_amount - year_before_net_amount) / nullif(greatest(year_before_net_amount, 0), 0), 2)
            AS change_on_year_before_percent,
        discount_amount,
        tax_amount,
        shipping_amount,
        other_charges_amount,
        tip_amount,
        gift_card_amount
    FROM quarters_with_neighbours
)
SELECT * FROM quarterly_summary
