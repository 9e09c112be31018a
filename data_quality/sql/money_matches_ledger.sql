-- Signed net amounts and tax in fact_sales against the ledger, per currency. Without tax, there is no row of it.
-- Grain: one row per slice that was loaded or has lines; the texts name the currencies.
WITH facts AS (
    SELECT
        slice.retailer_id, slice.business_date, sale.currency, sum(sale.net_amount) AS net,
        coalesce(sum(sale.net_tax_amount), 0) AS tax
    FROM checked_slices AS slice
    JOIN fact_sales AS sale USING (date_key, retailer_key)
    WHERE sale.date_key = ANY (%(date_keys)s)
    GROUP BY slice.retailer_id, slice.business_date, sale.currency
),
measures AS (
    SELECT retailer_id, business_date, currency::text AS currency, net AS present
    FROM facts
    UNION ALL
    SELECT retailer_id, business_date, currency || ' tax', tax
    FROM facts
    WHERE tax <> 0
),
ledger AS (
    SELECT
        retailer_id, business_date, amounts.currency || CASE amounts.measure WHEN 'tax' THEN ' tax' ELSE '' END AS currency,
        amounts.in_warehouse AS accounted
    FROM checked_slices AS slice
    JOIN load_ledger_amounts AS amounts USING (load_id, retailer_id, business_date)
),
compared AS (
    SELECT
        retailer_id,
        business_date,
        currency,
        coalesce(accounted, 0) AS accounted,
        coalesce(present, 0) AS present
    FROM ledger
    FULL JOIN measures USING (retailer_id, business_date, currency)
),
differences AS (
    SELECT
        retailer_id,
        business_date,
        sum(greatest(abs(accounted), abs(present), abs(accounted - present))) AS checked,
        sum(abs(accounted - present)) AS failed,
        string_agg(to_char(accounted, 'FM999,999,999,999,990.0099') || ' ' || currency, ', ' ORDER BY currency) AS expected,
        string_agg(to_char(present, 'FM999,999,999,999,990.0099') || ' ' || currency, ', ' ORDER BY currency) AS actual
    FROM compared
    GROUP BY retailer_id, business_date
)
SELECT * FROM differences
