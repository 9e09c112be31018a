-- fact_sales, its daily summaries and the ledger, side by side. Reads only the partitions of the compared dates.
-- Grain: retailer x business date x currency in any of the three; records and money of each, 0 where it has none.
WITH slices AS (
    SELECT DISTINCT ON (retailer_id, business_date) load_id, retailer_id, business_date
    FROM ops.load_ledger
    WHERE business_date BETWEEN %(first)s AND %(last)s
    ORDER BY retailer_id, business_date, load_id DESC
),
ledger_rows AS (
    SELECT slices.*, ledger.in_warehouse, ledger.landed, ledger.source_sha256
    FROM slices
    JOIN ops.load_ledger AS ledger USING (load_id, retailer_id, business_date)
),
ledger_amounts AS (
    SELECT retailer_id, business_date, amounts.currency::text AS currency, amounts.in_warehouse AS money
    FROM slices
    JOIN ops.load_ledger_amounts AS amounts USING (load_id, retailer_id, business_date)
),
facts AS (
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
        coalesce(facts.records, 0) AS fact_records,
        coalesce(facts.money, 0) AS fact_money,
        coalesce(summary.records, 0) AS summary_records,
        coalesce(summary.money, 0) AS summary_money
    FROM facts
    FULL JOIN summary USING (retailer_key, date_key, currency)
    JOIN dim_retailer USING (retailer_key)
    JOIN dim_date USING (date_key)
),
compared AS (
    SELECT
        retailer_id,
        business_date,
        currency,
        coalesce(ledger_amounts.money, 0) AS ledger_money,
        coalesce(present.fact_records, 0) AS fact_records,
        coalesce(present.fact_money, 0) AS fact_money,
        coalesce(present.summary_records, 0) AS summary_records,
        coalesce(present.summary_money, 0) AS summary_money
    FROM ledger_amounts
    FULL JOIN present USING (retailer_id, business_date, currency)
)
SELECT
    retailer_id, business_date, compared.currency, coalesce(ledger_rows.in_warehouse, 0), ledger_money, fact_records, fact_money,
    summary_records, summary_money, coalesce(ledger_rows.landed, 0), ledger_rows.source_sha256
FROM compared
FULL JOIN ledger_rows USING (retailer_id, business_date)
ORDER BY retailer_id, business_date, compared.currency
