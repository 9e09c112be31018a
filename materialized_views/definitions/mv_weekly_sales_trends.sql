-- question = "Is each retailer growing or shrinking from week to week?"
-- grain = "ISO week x retailer x currency"
-- unique_index = ["week_start_date", "retailer_id", "currency"]
-- reads = ["mv_daily_sales_summary", "dim_date"]
--
-- [columns]
-- week_start_date = { type = "date", from = ["dim_date.iso_year", "dim_date.iso_week"], comment = "Monday of the week." }
-- week_end_date = { type = "date", from = ["dim_date.iso_year", "dim_date.iso_week"], comment = "Sunday of the week." }
-- iso_year = { type = "smallint", from = ["dim_date.iso_year"], comment = "Year to which the ISO week belongs; differs from the calendar year around New Year." }
-- iso_week = { type = "smallint", from = ["dim_date.iso_week"], comment = "ISO 8601 week, 1 to 53." }
-- week_name = { type = "text", from = ["dim_date.iso_year", "dim_date.iso_week"], comment = "The week as 2024-W03." }
-- retailer_id = { type = "text", from = ["mv_daily_sales_summary.retailer_id"], comment = "The retailer's id on the platform." }
-- retailer_name = { type = "text", from = ["mv_daily_sales_summary.retailer_name"], comment = "Name of the retailer." }
-- currency = { type = "text", from = ["mv_daily_sales_summary.currency"], comment = "ISO 4217 code of all amounts of the row." }
-- is_complete = { type = "boolean", from = ["mv_daily_sales_summary.business_date"], comment = "The retailer's latest business date is the week's Sunday or later; compare only complete weeks." }
-- trading_day_count = { type = "bigint", from = ["mv_daily_sales_summary.business_date"], comment = "Days of the week with lines in this currency." }
-- transaction_count = { type = "bigint", from = ["mv_daily_sales_summary.transaction_count"], comment = "Transactions with at least one sale line." }
-- line_count = { type = "bigint", from = ["mv_daily_sales_summary.line_count"], comment = "Lines of every type." }
-- net_quantity = { type = "numeric", from = ["mv_daily_sales_summary.net_quantity"], comment = "Units sold less units returned, with adjustments." }
-- sales_amount = { type = "numeric", from = ["mv_daily_sales_summary.sales_amount"], comment = "Money of the sale lines." }
-- returns_amount = { type = "numeric", from = ["mv_daily_sales_summary.returns_amount"], comment = "Money paid back, positive." }
-- net_amount = { type = "numeric", from = ["mv_daily_sales_summary.net_amount"], comment = "Revenue: sales less returns, with adjustments." }
-- week_before_net_amount = { type = "numeric", from = ["mv_daily_sales_summary.net_amount"], comment = "net_amount of the ISO week before; null when it had no lines." }
-- change_on_week_before_percent = { type = "numeric", from = ["mv_daily_sales_summary.net_amount"], comment = "Change of net_amount against the week before, in percent of then." }
-- four_week_average_amount = { type = "numeric", from = ["mv_daily_sales_summary.net_amount"], comment = "Mean net_amount of this week and those of the three weeks before that had lines." }
-- discount_amount = { type = "numeric", from = ["mv_daily_sales_summary.discount_amount"], comment = "Discounts given, less those of what was paid back; net_amount is without them." }
-- tax_amount = { type = "numeric", from = ["mv_daily_sales_summary.tax_amount"], comment = "Signed tax, also of tips and gift cards, as far as the sources give it; net_amount is without it." }
-- shipping_amount = { type = "numeric", from = ["mv_daily_sales_summary.shipping_amount"], comment = "Signed amount charged for shipping; part of net_amount." }
-- other_charges_amount = { type = "numeric", from = ["mv_daily_sales_summary.other_charges_amount"], comment = "Signed amount of fees and other charges; part of net_amount." }
-- tip_amount = { type = "numeric", from = ["mv_daily_sales_summary.tip_amount"], comment = "Signed tips; not revenue." }
-- gift_card_amount = { type = "numeric", from = ["mv_daily_sales_summary.gift_card_amount"], comment = "Signed amount of gift cards sold; not revenue before they are spent." }

WITH weeks AS (
    SELECT
        day.iso_year,
        day.iso_week,
        to_date(day.iso_year || '-' || day.iso_week, 'IYYY-IW') AS week_start_date,
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
        sum(daily.net_amount) AS net_amount,
        sum(daily.discount_amount) AS discount_amount,
        sum(daily.tax_amount) AS tax_amount,
        sum(daily.shipping_amount) AS shipping_amount,
        sum(daily.other_charges_amount) AS other_charges_amount,
        sum(daily.tip_amount) AS tip_amount,
        sum(daily.gift_card_amount) AS gift_card_amount
    FROM mv_daily_sales_summary AS daily
    JOIN dim_date AS day ON day.full_date = daily.business_date
    GROUP BY day.iso_year, day.iso_week, daily.retailer_id, daily.retailer_name, daily.currency
),
weeks_with_neighbours AS (
    SELECT
        weeks.*,
        max(last_trading_date) OVER (PARTITION BY retailer_id) AS latest_date,
        sum(net_amount) OVER (
            PARTITION BY retailer_id, currency ORDER BY week_start_date
            RANGE BETWEEN '7 days' PRECEDING AND '7 days' PRECEDING
        ) AS week_before_net_amount,
        avg(net_amount) OVER (
            PARTITION BY retailer_id, currency ORDER BY week_start_date
            RANGE BETWEEN '21 days' PRECEDING AND CURRENT ROW
        ) AS four_week_average_amount
    FROM weeks
),
weekly_trends AS (
    SELECT
        week_start_date,
        week_start_date + 6 AS week_end_date,
        iso_year,
        iso_week,
        iso_year || '-W' || lpad(iso_week::text, 2, '0') AS week_name,
        retailer_id,
        retailer_name,
        currency,
        latest_date >= week_start_date + 6 AS is_complete,
        trading_day_count,
        transaction_count,
        line_count,
        net_quantity,
        sales_amount,
        returns_amount,
        net_amount,
        week_before_net_amount,
        round(100 * (net_amount - week_before_net_amount) / nullif(greatest(week_before_net_amount, 0), 0), 2)
            AS change_on_week_before_percent,
        round(four_week_average_amount, 4) AS four_week_average_amount,
        discount_amount,
        tax_amount,
        shipping_amount,
        other_charges_amount,
        tip_amount,
        gift_card_amount
    FROM weeks_with_neighbours
)
SELECT * FROM weekly_trends
