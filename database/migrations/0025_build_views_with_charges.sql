-- depends: 0024_swap_keys
-- The views with discounts, tax, shipping and other charges, and with tips and gift cards outside revenue. They are built in
-- the schema ops, which takes as long as a refresh and does not block readers; 0026 puts them in place.

SET LOCAL search_path = ops, public, pg_temp;

CREATE MATERIALIZED VIEW ops.mv_daily_sales_by_product AS
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
SELECT * FROM named_product_days;
CREATE UNIQUE INDEX uq_mv_daily_sales_by_product ON ops.mv_daily_sales_by_product (business_date, retailer_id, product_id, currency);
COMMENT ON MATERIALIZED VIEW ops.mv_daily_sales_by_product IS 'How much of each product was sold and returned on each of the last days? Grain: business date x retailer x product x currency, for the 35 days that end with the retailer''s latest business date.';
COMMENT ON COLUMN ops.mv_daily_sales_by_product.business_date IS 'Trading day in the retailer''s own time zone.';
COMMENT ON COLUMN ops.mv_daily_sales_by_product.retailer_id IS 'The retailer''s id on the platform.';
COMMENT ON COLUMN ops.mv_daily_sales_by_product.retailer_name IS 'Name of the retailer.';
COMMENT ON COLUMN ops.mv_daily_sales_by_product.product_id IS 'The retailer''s own stock code, SKU or reference.';
COMMENT ON COLUMN ops.mv_daily_sales_by_product.product_name IS 'Description as it is today; Unknown when the source has none.';
COMMENT ON COLUMN ops.mv_daily_sales_by_product.category IS 'Department or family as it is today; Unknown when the source has none.';
COMMENT ON COLUMN ops.mv_daily_sales_by_product.currency IS 'ISO 4217 code of all amounts of the row.';
COMMENT ON COLUMN ops.mv_daily_sales_by_product.line_count IS 'Lines of every type.';
COMMENT ON COLUMN ops.mv_daily_sales_by_product.sold_quantity IS 'Units sold.';
COMMENT ON COLUMN ops.mv_daily_sales_by_product.returned_quantity IS 'Units returned, positive.';
COMMENT ON COLUMN ops.mv_daily_sales_by_product.sales_amount IS 'Money of the sale lines.';
COMMENT ON COLUMN ops.mv_daily_sales_by_product.returns_amount IS 'Money paid back, positive.';
COMMENT ON COLUMN ops.mv_daily_sales_by_product.adjustment_amount IS 'Money of the adjustment lines, signed; null when there are none.';
COMMENT ON COLUMN ops.mv_daily_sales_by_product.net_amount IS 'Revenue: sales less returns, with adjustments.';
COMMENT ON COLUMN ops.mv_daily_sales_by_product.discount_amount IS 'Discounts given, less those of what was paid back; net_amount is without them. Null when there are none.';
COMMENT ON COLUMN ops.mv_daily_sales_by_product.tax_amount IS 'Signed tax, as far as the sources give it; net_amount is without it. Null when there is none.';
GRANT SELECT ON ops.mv_daily_sales_by_product TO retail_reader, retail_user;

CREATE MATERIALIZED VIEW ops.mv_daily_sales_summary AS
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
SELECT * FROM days_against_the_week_before;
CREATE UNIQUE INDEX uq_mv_daily_sales_summary ON ops.mv_daily_sales_summary (business_date, retailer_id, currency);
COMMENT ON MATERIALIZED VIEW ops.mv_daily_sales_summary IS 'How did each retailer trade on this day, and how does that compare with the same weekday a week before? Grain: business date x retailer x currency.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.business_date IS 'Trading day in the retailer''s own time zone.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.retailer_id IS 'The retailer''s id on the platform.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.retailer_name IS 'Name of the retailer.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.currency IS 'ISO 4217 code of all amounts of the row.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.year IS 'Calendar year.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.month IS 'Month, 1 to 12.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.weekday_name IS 'English name of the weekday.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.is_weekend IS 'Saturday or Sunday.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.store_count IS 'Stores with at least one sale.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.transaction_count IS 'Transactions with at least one sale line.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.customer_visit_count IS 'Known customers with a sale, counted once per store; guests are not counted.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.line_count IS 'Lines of every type.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.sold_quantity IS 'Units of products sold.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.returned_quantity IS 'Units of products returned, positive.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.net_quantity IS 'Units sold less units returned, with adjustments.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.sales_amount IS 'Net amount of the sale lines, without tips and gift cards.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.returns_amount IS 'Net amount paid back, positive, without tips and gift cards.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.adjustment_amount IS 'Money of the adjustment lines, signed.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.net_amount IS 'Revenue: sales_amount - returns_amount + adjustment_amount.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.average_transaction_amount IS 'sales_amount / transaction_count; null without transactions.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.week_before_net_amount IS 'net_amount seven days earlier; null when nothing was sold then.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.change_on_week_before_percent IS 'Change of net_amount against seven days earlier, in percent of then.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.discount_amount IS 'Discounts given, less those of what was paid back; net_amount is without them.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.tax_amount IS 'Signed tax, also of tips and gift cards, as far as the sources give it; net_amount is without it.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.shipping_amount IS 'Signed amount charged for shipping; part of net_amount.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.other_charges_amount IS 'Signed amount of fees and other charges; part of net_amount.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.tip_amount IS 'Signed tips; not revenue.';
COMMENT ON COLUMN ops.mv_daily_sales_summary.gift_card_amount IS 'Signed amount of gift cards sold; not revenue before they are spent.';
GRANT SELECT ON ops.mv_daily_sales_summary TO retail_reader, retail_user;

CREATE MATERIALIZED VIEW ops.mv_monthly_sales_by_category AS
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
SELECT * FROM months_against_the_month_before;
CREATE UNIQUE INDEX uq_mv_monthly_sales_by_category ON ops.mv_monthly_sales_by_category (month_start_date, retailer_id, category, currency);
COMMENT ON MATERIALIZED VIEW ops.mv_monthly_sales_by_category IS 'Which product categories carry each retailer''s month, and which of them grow? Grain: month x retailer x category x currency.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.month_start_date IS 'First day of the month.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.year IS 'Calendar year.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.month IS 'Month, 1 to 12.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.month_name IS 'English name of the month.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.retailer_id IS 'The retailer''s id on the platform.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.retailer_name IS 'Name of the retailer.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.category IS 'Department or family as the product is today; Unknown when the source has none.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.currency IS 'ISO 4217 code of all amounts of the row.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.line_count IS 'Lines of every type.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.net_quantity IS 'Units sold less units returned, with adjustments.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.sales_amount IS 'Money of the sale lines.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.returns_amount IS 'Money paid back, positive.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.net_amount IS 'Revenue: sales less returns, with adjustments.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.rank_in_month IS 'Place of the category by net_amount among the retailer''s categories of the month; equal amounts share a place.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.share_of_month_percent IS 'net_amount in percent of the retailer''s month in this currency; null when the month has no positive revenue.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.month_before_net_amount IS 'net_amount of the category in the calendar month before; null when it had no lines then.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.change_on_month_before_percent IS 'Change of net_amount against the month before, in percent of then.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.discount_amount IS 'Discounts given, less those of what was paid back; net_amount is without them.';
COMMENT ON COLUMN ops.mv_monthly_sales_by_category.tax_amount IS 'Signed tax, as far as the sources give it; net_amount is without it.';
GRANT SELECT ON ops.mv_monthly_sales_by_category TO retail_reader, retail_user;

CREATE MATERIALIZED VIEW ops.mv_top_products_by_revenue AS
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
SELECT * FROM top_products;
CREATE UNIQUE INDEX uq_mv_top_products_by_revenue ON ops.mv_top_products_by_revenue (retailer_id, product_id, currency);
COMMENT ON MATERIALIZED VIEW ops.mv_top_products_by_revenue IS 'Which products earn the most at each retailer, over all time and in the last 28 days? Grain: retailer x product x currency, the first 1,000 of each retailer and currency by either rank.';
COMMENT ON COLUMN ops.mv_top_products_by_revenue.retailer_id IS 'The retailer''s id on the platform.';
COMMENT ON COLUMN ops.mv_top_products_by_revenue.retailer_name IS 'Name of the retailer.';
COMMENT ON COLUMN ops.mv_top_products_by_revenue.product_id IS 'The retailer''s own stock code, SKU or reference.';
COMMENT ON COLUMN ops.mv_top_products_by_revenue.product_name IS 'Description as it is today; Unknown when the source has none.';
COMMENT ON COLUMN ops.mv_top_products_by_revenue.category IS 'Department or family as it is today; Unknown when the source has none.';
COMMENT ON COLUMN ops.mv_top_products_by_revenue.currency IS 'ISO 4217 code of all amounts of the row.';
COMMENT ON COLUMN ops.mv_top_products_by_revenue.revenue_rank IS 'Place by net_amount over all time among the retailer''s products in this currency; equal amounts share a place.';
COMMENT ON COLUMN ops.mv_top_products_by_revenue.net_quantity IS 'Units sold less units returned, with adjustments, over all time.';
COMMENT ON COLUMN ops.mv_top_products_by_revenue.sales_amount IS 'Money of the sale lines over all time.';
COMMENT ON COLUMN ops.mv_top_products_by_revenue.returns_amount IS 'Money paid back over all time, positive.';
COMMENT ON COLUMN ops.mv_top_products_by_revenue.net_amount IS 'Revenue over all time: sales less returns, with adjustments.';
COMMENT ON COLUMN ops.mv_top_products_by_revenue.share_of_retailer_percent IS 'net_amount in percent of the revenue of all the retailer''s products in this currency; null when that is not positive.';
COMMENT ON COLUMN ops.mv_top_products_by_revenue.running_share_percent IS 'The same for this product and all with a better place together (ABC analysis).';
COMMENT ON COLUMN ops.mv_top_products_by_revenue.last_28_days_rank IS 'Place by last_28_days_net_amount.';
COMMENT ON COLUMN ops.mv_top_products_by_revenue.last_28_days_net_amount IS 'Revenue of the 28 days that end with the retailer''s latest business date; 0 when none.';
GRANT SELECT ON ops.mv_top_products_by_revenue TO retail_reader, retail_user;

CREATE MATERIALIZED VIEW ops.mv_quarterly_sales_summary AS
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
SELECT * FROM quarterly_summary;
CREATE UNIQUE INDEX uq_mv_quarterly_sales_summary ON ops.mv_quarterly_sales_summary (quarter_start_date, retailer_id, currency);
COMMENT ON MATERIALIZED VIEW ops.mv_quarterly_sales_summary IS 'What did each retailer turn over in the quarter, against the quarter before and the same quarter a year before? Grain: quarter x retailer x currency.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.quarter_start_date IS 'First day of the quarter.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.quarter_end_date IS 'Last day of the quarter.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.year IS 'Calendar year.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.quarter IS 'Quarter, 1 to 4.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.quarter_name IS 'The quarter as 2024-Q1.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.retailer_id IS 'The retailer''s id on the platform.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.retailer_name IS 'Name of the retailer.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.currency IS 'ISO 4217 code of all amounts of the row.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.is_complete IS 'The retailer''s latest business date is the quarter''s last day or later; compare only complete quarters.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.trading_day_count IS 'Days of the quarter with lines in this currency.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.transaction_count IS 'Transactions with at least one sale line.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.line_count IS 'Lines of every type.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.net_quantity IS 'Units sold less units returned, with adjustments.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.sales_amount IS 'Money of the sale lines.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.returns_amount IS 'Money paid back, positive.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.adjustment_amount IS 'Money of the adjustment lines, signed.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.net_amount IS 'Revenue: sales_amount - returns_amount + adjustment_amount.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.average_transaction_amount IS 'sales_amount / transaction_count; null without transactions.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.quarter_before_net_amount IS 'net_amount of the quarter before; null when it had no lines.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.change_on_quarter_before_percent IS 'Change of net_amount against the quarter before, in percent of then.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.year_before_net_amount IS 'net_amount of the same quarter a year before; null when it had no lines.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.change_on_year_before_percent IS 'Change of net_amount against the same quarter a year before, in percent of then.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.discount_amount IS 'Discounts given, less those of what was paid back; net_amount is without them.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.tax_amount IS 'Signed tax, also of tips and gift cards, as far as the sources give it; net_amount is without it.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.shipping_amount IS 'Signed amount charged for shipping; part of net_amount.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.other_charges_amount IS 'Signed amount of fees and other charges; part of net_amount.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.tip_amount IS 'Signed tips; not revenue.';
COMMENT ON COLUMN ops.mv_quarterly_sales_summary.gift_card_amount IS 'Signed amount of gift cards sold; not revenue before they are spent.';
GRANT SELECT ON ops.mv_quarterly_sales_summary TO retail_reader, retail_user;

CREATE MATERIALIZED VIEW ops.mv_weekly_sales_trends AS
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
SELECT * FROM weekly_trends;
CREATE UNIQUE INDEX uq_mv_weekly_sales_trends ON ops.mv_weekly_sales_trends (week_start_date, retailer_id, currency);
COMMENT ON MATERIALIZED VIEW ops.mv_weekly_sales_trends IS 'Is each retailer growing or shrinking from week to week? Grain: ISO week x retailer x currency.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.week_start_date IS 'Monday of the week.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.week_end_date IS 'Sunday of the week.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.iso_year IS 'Year to which the ISO week belongs; differs from the calendar year around New Year.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.iso_week IS 'ISO 8601 week, 1 to 53.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.week_name IS 'The week as 2024-W03.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.retailer_id IS 'The retailer''s id on the platform.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.retailer_name IS 'Name of the retailer.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.currency IS 'ISO 4217 code of all amounts of the row.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.is_complete IS 'The retailer''s latest business date is the week''s Sunday or later; compare only complete weeks.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.trading_day_count IS 'Days of the week with lines in this currency.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.transaction_count IS 'Transactions with at least one sale line.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.line_count IS 'Lines of every type.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.net_quantity IS 'Units sold less units returned, with adjustments.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.sales_amount IS 'Money of the sale lines.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.returns_amount IS 'Money paid back, positive.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.net_amount IS 'Revenue: sales less returns, with adjustments.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.week_before_net_amount IS 'net_amount of the ISO week before; null when it had no lines.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.change_on_week_before_percent IS 'Change of net_amount against the week before, in percent of then.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.four_week_average_amount IS 'Mean net_amount of this week and those of the three weeks before that had lines.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.discount_amount IS 'Discounts given, less those of what was paid back; net_amount is without them.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.tax_amount IS 'Signed tax, also of tips and gift cards, as far as the sources give it; net_amount is without it.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.shipping_amount IS 'Signed amount charged for shipping; part of net_amount.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.other_charges_amount IS 'Signed amount of fees and other charges; part of net_amount.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.tip_amount IS 'Signed tips; not revenue.';
COMMENT ON COLUMN ops.mv_weekly_sales_trends.gift_card_amount IS 'Signed amount of gift cards sold; not revenue before they are spent.';
GRANT SELECT ON ops.mv_weekly_sales_trends TO retail_reader, retail_user;
