-- The six views that BI tools read, and the function that refreshes them.
-- Built on fact_daily_sales, fact_daily_transactions and the dimensions, never on fact_sales: a refresh costs what the
-- summary costs. Each has a unique index over columns that are never null, which REFRESH … CONCURRENTLY needs.
-- Amounts of different currencies are never added: the currency is part of every key. Changes against an earlier period
-- are null where that period has no sales or none to compare with. docs/MATERIALIZED_VIEWS.md explains them to analysts.

SET search_path = public, ops;

-- Grain and key: business date x retailer x currency.
CREATE MATERIALIZED VIEW mv_daily_sales_summary AS
WITH daily_sales AS (
    SELECT
        date_key,
        retailer_key,
        currency,
        sum(line_count) AS line_count,
        sum(sold_quantity) AS sold_quantity,
        sum(returned_quantity) AS returned_quantity,
        sum(net_quantity) AS net_quantity,
        sum(sales_amount) AS sales_amount,
        sum(returns_amount) AS returns_amount,
        sum(net_amount) AS net_amount
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
        sales.net_amount
    FROM daily_sales AS sales
    JOIN dim_date AS day USING (date_key)
    JOIN dim_retailer AS retailer USING (retailer_key)
    LEFT JOIN daily_transactions AS transactions USING (date_key, retailer_key, currency)
),
days_against_the_week_before AS (
    SELECT
        this_day.*,
        round(this_day.sales_amount / nullif(this_day.transaction_count, 0), 4) AS average_transaction_amount,
        week_before.net_amount AS week_before_net_amount,
        round(100 * (this_day.net_amount - week_before.net_amount) / nullif(greatest(week_before.net_amount, 0), 0), 2)
            AS change_on_week_before_percent
    FROM named_days AS this_day
    LEFT JOIN named_days AS week_before
        ON week_before.business_date = this_day.business_date - 7
        AND week_before.retailer_id = this_day.retailer_id
        AND week_before.currency = this_day.currency
)
SELECT * FROM days_against_the_week_before;

CREATE UNIQUE INDEX uq_mv_daily_sales_summary ON mv_daily_sales_summary (business_date, retailer_id, currency);
COMMENT ON MATERIALIZED VIEW mv_daily_sales_summary IS 'How did each retailer trade on this day, and how does that compare with the same weekday a week before? Grain: business date x retailer x currency.';
COMMENT ON COLUMN mv_daily_sales_summary.business_date IS 'Trading day in the retailer''s own time zone.';
COMMENT ON COLUMN mv_daily_sales_summary.retailer_id IS 'The retailer''s id on the platform.';
COMMENT ON COLUMN mv_daily_sales_summary.retailer_name IS 'Name of the retailer.';
COMMENT ON COLUMN mv_daily_sales_summary.currency IS 'ISO 4217 code of all amounts of the row.';
COMMENT ON COLUMN mv_daily_sales_summary.year IS 'Calendar year.';
COMMENT ON COLUMN mv_daily_sales_summary.month IS 'Month, 1 to 12.';
COMMENT ON COLUMN mv_daily_sales_summary.weekday_name IS 'English name of the weekday.';
COMMENT ON COLUMN mv_daily_sales_summary.is_weekend IS 'Saturday or Sunday.';
COMMENT ON COLUMN mv_daily_sales_summary.store_count IS 'Stores with at least one sale.';
COMMENT ON COLUMN mv_daily_sales_summary.transaction_count IS 'Transactions with at least one sale line.';
COMMENT ON COLUMN mv_daily_sales_summary.customer_visit_count IS 'Known customers with a sale, counted once per store; guests are not counted.';
COMMENT ON COLUMN mv_daily_sales_summary.line_count IS 'Lines of every type.';
COMMENT ON COLUMN mv_daily_sales_summary.sold_quantity IS 'Units sold.';
COMMENT ON COLUMN mv_daily_sales_summary.returned_quantity IS 'Units that came back, positive.';
COMMENT ON COLUMN mv_daily_sales_summary.net_quantity IS 'Units sold less units returned, with adjustments.';
COMMENT ON COLUMN mv_daily_sales_summary.sales_amount IS 'Money of the sale lines.';
COMMENT ON COLUMN mv_daily_sales_summary.returns_amount IS 'Money paid back, positive.';
COMMENT ON COLUMN mv_daily_sales_summary.adjustment_amount IS 'Money of the adjustment lines, signed.';
COMMENT ON COLUMN mv_daily_sales_summary.net_amount IS 'Revenue: sales_amount - returns_amount + adjustment_amount.';
COMMENT ON COLUMN mv_daily_sales_summary.average_transaction_amount IS 'sales_amount / transaction_count; null without transactions.';
COMMENT ON COLUMN mv_daily_sales_summary.week_before_net_amount IS 'net_amount seven days earlier; null when nothing was sold then.';
COMMENT ON COLUMN mv_daily_sales_summary.change_on_week_before_percent IS 'Change of net_amount against seven days earlier, in percent of then.';

-- Grain and key: month x retailer x category x currency.
CREATE MATERIALIZED VIEW mv_monthly_sales_by_category AS
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
        sum(sales.net_amount) AS net_amount
    FROM fact_daily_sales AS sales
    JOIN dim_product AS product USING (product_key)
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
        ) AS change_on_month_before_percent
    FROM named_months AS this_month
    LEFT JOIN named_months AS month_before
        ON month_before.month_start_date = (this_month.month_start_date - interval '1 month')::date
        AND month_before.retailer_id = this_month.retailer_id
        AND month_before.category = this_month.category
        AND month_before.currency = this_month.currency
)
SELECT * FROM months_against_the_month_before;

CREATE UNIQUE INDEX uq_mv_monthly_sales_by_category
    ON mv_monthly_sales_by_category (month_start_date, retailer_id, category, currency);
COMMENT ON MATERIALIZED VIEW mv_monthly_sales_by_category IS 'Which product categories carry each retailer''s month, and which of them grow? Grain: month x retailer x category x currency.';
COMMENT ON COLUMN mv_monthly_sales_by_category.month_start_date IS 'First day of the month.';
COMMENT ON COLUMN mv_monthly_sales_by_category.year IS 'Calendar year.';
COMMENT ON COLUMN mv_monthly_sales_by_category.month IS 'Month, 1 to 12.';
COMMENT ON COLUMN mv_monthly_sales_by_category.month_name IS 'English name of the month.';
COMMENT ON COLUMN mv_monthly_sales_by_category.retailer_id IS 'The retailer''s id on the platform.';
COMMENT ON COLUMN mv_monthly_sales_by_category.retailer_name IS 'Name of the retailer.';
COMMENT ON COLUMN mv_monthly_sales_by_category.category IS 'Department or family as the product stands today; Unknown when the source has none.';
COMMENT ON COLUMN mv_monthly_sales_by_category.currency IS 'ISO 4217 code of all amounts of the row.';
COMMENT ON COLUMN mv_monthly_sales_by_category.line_count IS 'Lines of every type.';
COMMENT ON COLUMN mv_monthly_sales_by_category.net_quantity IS 'Units sold less units returned, with adjustments.';
COMMENT ON COLUMN mv_monthly_sales_by_category.sales_amount IS 'Money of the sale lines.';
COMMENT ON COLUMN mv_monthly_sales_by_category.returns_amount IS 'Money paid back, positive.';
COMMENT ON COLUMN mv_monthly_sales_by_category.net_amount IS 'Revenue: sales less returns, with adjustments.';
COMMENT ON COLUMN mv_monthly_sales_by_category.rank_in_month IS 'Place of the category by net_amount among the retailer''s categories of the month; equal amounts share a place.';
COMMENT ON COLUMN mv_monthly_sales_by_category.share_of_month_percent IS 'net_amount in percent of the retailer''s month in this currency; null when the month has no positive revenue.';
COMMENT ON COLUMN mv_monthly_sales_by_category.month_before_net_amount IS 'net_amount of the category in the calendar month before; null when it had no lines then.';
COMMENT ON COLUMN mv_monthly_sales_by_category.change_on_month_before_percent IS 'Change of net_amount against the month before, in percent of then.';

-- Grain and key: retailer x product x currency; at most the first 1,000 of each retailer and currency by either rank.
CREATE MATERIALIZED VIEW mv_top_products_by_revenue AS
WITH latest_days AS (
    SELECT retailer_key, max(date_key) AS latest_date_key
    FROM fact_daily_transactions
    GROUP BY retailer_key
),
recent_windows AS (
    SELECT
        latest.retailer_key,
        to_char(day.full_date - 27, 'YYYYMMDD')::integer AS first_recent_date_key
    FROM latest_days AS latest
    JOIN dim_date AS day ON day.date_key = latest.latest_date_key
),
product_sales AS (
    SELECT
        sales.retailer_key,
        sales.product_key,
        sales.currency,
        min(sales.date_key) AS first_date_key,
        max(sales.date_key) AS last_date_key,
        sum(sales.net_quantity) AS net_quantity,
        sum(sales.sales_amount) AS sales_amount,
        sum(sales.returns_amount) AS returns_amount,
        sum(sales.net_amount) AS net_amount,
        coalesce(
            sum(sales.net_amount) FILTER (WHERE sales.date_key >= recent.first_recent_date_key), 0
        ) AS last_28_days_net_amount
    FROM fact_daily_sales AS sales
    JOIN recent_windows AS recent USING (retailer_key)
    GROUP BY sales.retailer_key, sales.product_key, sales.currency
),
ranked_products AS (
    SELECT
        sales.*,
        rank() OVER (PARTITION BY retailer_key, currency ORDER BY net_amount DESC) AS revenue_rank,
        rank() OVER (PARTITION BY retailer_key, currency ORDER BY last_28_days_net_amount DESC) AS last_28_days_rank,
        sum(net_amount) OVER (PARTITION BY retailer_key, currency) AS retailer_net_amount,
        sum(net_amount) OVER (PARTITION BY retailer_key, currency ORDER BY net_amount DESC) AS running_net_amount
    FROM product_sales AS sales
),
top_products AS (
    SELECT
        retailer.retailer_id,
        retailer.retailer_name,
        product.product_id,
        product.product_name,
        product.category,
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
        ranked.last_28_days_net_amount,
        first_day.full_date AS first_sold_date,
        last_day.full_date AS last_sold_date
    FROM ranked_products AS ranked
    JOIN dim_retailer AS retailer USING (retailer_key)
    JOIN dim_product AS product USING (product_key)
    JOIN dim_date AS first_day ON first_day.date_key = ranked.first_date_key
    JOIN dim_date AS last_day ON last_day.date_key = ranked.last_date_key
    WHERE ranked.revenue_rank <= 1000 OR ranked.last_28_days_rank <= 1000
)
SELECT * FROM top_products;

CREATE UNIQUE INDEX uq_mv_top_products_by_revenue ON mv_top_products_by_revenue (retailer_id, product_id, currency);

-- Grain and key: ISO week x retailer x currency.
CREATE MATERIALIZED VIEW mv_weekly_sales_trends AS
WITH daily_sales AS (
    SELECT
        date_key,
        retailer_key,
        currency,
        sum(line_count) AS line_count,
        sum(net_quantity) AS net_quantity,
        sum(sales_amount) AS sales_amount,
        sum(returns_amount) AS returns_amount,
        sum(net_amount) AS net_amount
    FROM fact_daily_sales
    GROUP BY date_key, retailer_key, currency
),
daily_transactions AS (
    SELECT date_key, retailer_key, currency, sum(transaction_count) AS transaction_count
    FROM fact_daily_transactions
    GROUP BY date_key, retailer_key, currency
),
weeks AS (
    SELECT
        day.iso_year,
        day.iso_week,
        date_trunc('week', min(day.full_date))::date AS week_start_date,
        sales.retailer_key,
        sales.currency,
        count(*) AS trading_day_count,
        sum(coalesce(transactions.transaction_count, 0)) AS transaction_count,
        sum(sales.line_count) AS line_count,
        sum(sales.net_quantity) AS net_quantity,
        sum(sales.sales_amount) AS sales_amount,
        sum(sales.returns_amount) AS returns_amount,
        sum(sales.net_amount) AS net_amount,
        max(day.full_date) AS last_sold_date
    FROM daily_sales AS sales
    JOIN dim_date AS day USING (date_key)
    LEFT JOIN daily_transactions AS transactions USING (date_key, retailer_key, currency)
    GROUP BY day.iso_year, day.iso_week, sales.retailer_key, sales.currency
),
weeks_with_neighbours AS (
    SELECT
        weeks.*,
        max(last_sold_date) OVER (PARTITION BY retailer_key) AS latest_date,
        sum(net_amount) OVER one_week_before AS week_before_net_amount,
        avg(net_amount) OVER (
            PARTITION BY retailer_key, currency ORDER BY week_start_date
            RANGE BETWEEN interval '21 days' PRECEDING AND CURRENT ROW
        ) AS four_week_average_amount
    FROM weeks
    WINDOW one_week_before AS (
        PARTITION BY retailer_key, currency ORDER BY week_start_date
        RANGE BETWEEN interval '7 days' PRECEDING AND interval '7 days' PRECEDING
    )
),
weekly_trends AS (
    SELECT
        week.week_start_date,
        week.week_start_date + 6 AS week_end_date,
        week.iso_year,
        week.iso_week,
        week.iso_year || '-W' || lpad(week.iso_week::text, 2, '0') AS week_name,
        retailer.retailer_id,
        retailer.retailer_name,
        week.currency::text AS currency,
        week.latest_date >= week.week_start_date + 6 AS is_complete,
        week.trading_day_count,
        week.transaction_count,
        week.line_count,
        week.net_quantity,
        week.sales_amount,
        week.returns_amount,
        week.net_amount,
        week.week_before_net_amount,
        round(
            100 * (week.net_amount - week.week_before_net_amount) / nullif(greatest(week.week_before_net_amount, 0), 0), 2
        ) AS change_on_week_before_percent,
        round(week.four_week_average_amount, 4) AS four_week_average_amount
    FROM weeks_with_neighbours AS week
    JOIN dim_retailer AS retailer USING (retailer_key)
)
SELECT * FROM weekly_trends;

CREATE UNIQUE INDEX uq_mv_weekly_sales_trends ON mv_weekly_sales_trends (week_start_date, retailer_id, currency);

-- Grain and key: business date x retailer x product x currency, for the 90 days up to the retailer's latest business date.
CREATE MATERIALIZED VIEW mv_daily_sales_by_product AS
WITH latest_days AS (
    SELECT retailer_key, max(date_key) AS latest_date_key
    FROM fact_daily_transactions
    GROUP BY retailer_key
),
recent_windows AS (
    SELECT
        latest.retailer_key,
        to_char(day.full_date - 89, 'YYYYMMDD')::integer AS first_date_key
    FROM latest_days AS latest
    JOIN dim_date AS day ON day.date_key = latest.latest_date_key
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
        sum(sales.net_amount) AS net_amount
    FROM recent_windows AS recent
    JOIN fact_daily_sales AS sales
        ON sales.retailer_key = recent.retailer_key AND sales.date_key >= recent.first_date_key
    GROUP BY sales.date_key, sales.retailer_key, sales.product_key, sales.currency
),
named_product_days AS (
    SELECT
        day.full_date AS business_date,
        retailer.retailer_id,
        product.product_id,
        product.product_name,
        product.category,
        sales.currency::text AS currency,
        sales.line_count,
        sales.sold_quantity,
        sales.returned_quantity,
        sales.sales_amount,
        sales.returns_amount,
        sales.net_amount
    FROM product_days AS sales
    JOIN dim_date AS day USING (date_key)
    JOIN dim_retailer AS retailer USING (retailer_key)
    JOIN dim_product AS product USING (product_key)
)
SELECT * FROM named_product_days;

CREATE UNIQUE INDEX uq_mv_daily_sales_by_product
    ON mv_daily_sales_by_product (business_date, retailer_id, product_id, currency);
