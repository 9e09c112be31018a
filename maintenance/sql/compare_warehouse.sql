-- fact_sales, its daily summaries and the ledger, side by side. Reads only the partitions of the compared dates.
-- Grain: retailer x business date x currency in any of the three; records and money of each, 0 where it has none. The tax of
-- a currency is a row of its own, `EUR tax`, without records; without tax there is none.
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
    SELECT
        retailer_id,
        business_date,
        amounts.currency || CASE amounts.measure WHEN 'tax' THEN ' tax' ELSE '' END AS currency,
        amounts.in_warehouse AS money
    FROM slices
    JOIN ops.load_ledger_amounts AS amounts USING (load_id, retailer_id, business_date)
),
facts AS (
    SELECT retailer_key, date_key, currency, count(*) AS records, sum(net_amount) AS net, coalesce(sum(net_tax_amount), 0) AS tax
    FROM fact_sales
    WHERE date_key BETWEEN %(first_key)s AND %(last_key)s
    GROUP BY retailer_key, date_key, currency
),
summary AS (
    SELECT retailer_key, date_key, currency, sum(line_count) AS records, sum(net_amount) AS net, sum(tax_amount) AS tax
    FROM fact_daily_sales
    WHERE date_key BETWEEN %(first_key)s AND %(last_key)s
    GROUP BY retailer_key, date_key, currency
),
measures AS (
    SELECT
        retailer_key, date_key, currency, facts.records AS fact_records, facts.net AS fact_net, facts.tax AS fact_tax,
        summary.records AS summary_records, summary.net AS summary_net, summary.tax AS summary_tax
    FROM facts
    FULL JOIN summary USING (retailer_key, date_key, currency)
),
sums AS (
    SELECT
        retailer_key, date_key, currency::text AS currency, fact_records, fact_net AS fact_money, summary_records,
        summary_net AS summary_money
    FROM measures
    UNION ALL
    SELECT retailer_key, date_key, currency || ' tax', 0, fact_tax, 0, summary_tax
    FROM measures
    WHERE fact_tax <> 0 OR summary_tax <> 0
),
present AS (
    SELECT
        dim_retailer.retailer_id,
        dim_date.full_date AS business_date,
        currency,
        coalesce(fact_records, 0) AS fact_records,
        coalesce(fact_money, 0) AS fact_money,
        coalesce(summary_records, 0) AS summary_records,
        coalesce(summary_money, 0) AS summary_money
    FROM sums
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
