-- The star, its daily summaries and the ledger, side by side. Reads only the partitions of the dates in question.
-- Grain: retailer x business date x currency in any of the three; records and money of each, 0 where it has none.
WITH slices AS (
    SELECT DISTINCT ON (retailer_id, business_date) load_id, retailer_id, business_date
    FROM ops.load_ledger
    WHERE business_date BETWEEN %(first)s AND %(last)s
    ORDER BY retailer_id, business_date, load_id DESC
),
whole AS (
    SELECT slices.*, ledger.in_warehouse, ledger.landed, ledger.source_sha256
    FROM slices
    JOIN ops.load_ledger AS ledger USING (load_id, retailer_id, business_date)
),
accounted AS (
    SELECT retailer_id, business_date, amounts.currency::text AS currency, amounts.in_warehouse AS money
    FROM slices
    JOIN ops.load_ledger_amounts AS amounts USING (load_id, retailer_id, business_date)
),
star AS (
    SELECT retailer_key, date_key, currency::text AS currency, count(*) AS records, sum(net_amount) AS money
    FROM fact_sales
    WHERE date_key BETWEEN %(first_key)s AND %(last_key)s
    GROUP BY retailer_key, date_key, currency
),
summary AS (
    SELECT retailer_key, date_key, currency::text AS currency, sum(line_count) AS records, sum(net_amount) AS money
    FROM fact_daily_sales
    WHERE date_key BETWEEN %(first_key)s AND %(last_key)s
    GROUP BY retailer_key, date_key, currency
),
present AS (
    SELECT
        dim_retailer.retailer_id,
        dim_date.full_date AS business_date,
        currency,
        coalesce(star.records, 0) AS star_records,
        coalesce(star.money, 0) AS star_money,
        coalesce(summary.records, 0) AS summary_records,
        coalesce(summary.money, 0) AS summary_money
    FROM star
    FULL JOIN summary USING (retailer_key, date_key, currency)
    JOIN dim_retailer USING (retailer_key)
    JOIN dim_date USING (date_key)
),
compared AS (
    SELECT
        retailer_id,
        business_date,
        currency,
        coalesce(accounted.money, 0) AS ledger_money,
        coalesce(present.star_records, 0) AS star_records,
        coalesce(present.star_money, 0) AS star_money,
        coalesce(present.summary_records, 0) AS summary_records,
        coalesce(present.summary_money, 0) AS summary_money
    FROM accounted
    FULL JOIN present USING (retailer_id, business_date, currency)
)
SELECT
    retailer_id, business_date, compared.currency, coalesce(whole.in_warehouse, 0), ledger_money, star_records, star_money,
    summary_records, summary_money, coalesce(whole.landed, 0), whole.source_sha256
FROM compared
FULL JOIN whole USING (retailer_id, business_date)
ORDER BY retailer_id, business_date, compared.currency
