-- Signed net amounts landed against the retailer's control report, per currency, for dates without rejected records.
-- What a partition landed is in fact_sales or, where another date has a later version, in superseded_sales.
-- Without a control report nothing is checked.
-- Grain: one row per such slice; the texts name the currencies.
WITH reports AS (
    SELECT slice.retailer_id, slice.business_date, amounts.currency, amounts.reported, amounts.rejected
    FROM checked_slices AS slice
    JOIN load_ledger AS ledger USING (load_id, retailer_id, business_date)
    JOIN load_ledger_amounts AS amounts USING (load_id, retailer_id, business_date)
    WHERE amounts.measure = 'net' AND amounts.reported IS NOT NULL AND ledger.rejected = 0
),
kept_lines AS (
    SELECT slice.retailer_id, slice.business_date, sale.currency, sale.net_amount
    FROM checked_slices AS slice
    JOIN fact_sales AS sale USING (date_key, retailer_key)
    WHERE sale.date_key = ANY (%(date_keys)s)
    UNION ALL
    SELECT slice.retailer_id, slice.business_date, old.currency, old.net_amount
    FROM checked_slices AS slice
    JOIN superseded_sales AS old USING (date_key, retailer_key)
    WHERE old.date_key = ANY (%(date_keys)s)
),
landed AS (
    SELECT retailer_id, business_date, currency, sum(net_amount) AS landed
    FROM kept_lines
    GROUP BY retailer_id, business_date, currency
),
compared AS (
    SELECT
        retailer_id,
        business_date,
        currency,
        reported,
        coalesce(landed, 0) AS landed,
        abs(reported - coalesce(landed, 0)) AS difference
    FROM reports
    LEFT JOIN landed USING (retailer_id, business_date, currency)
),
differences AS (
    SELECT
        retailer_id,
        business_date,
        sum(greatest(abs(reported), abs(landed), difference)) AS checked,
        sum(difference) AS failed,
        string_agg(to_char(reported, 'FM999,999,999,999,990.0099') || ' ' || currency, ', ' ORDER BY currency) AS expected,
        string_agg(to_char(landed, 'FM999,999,999,999,990.0099') || ' ' || currency, ', ' ORDER BY currency) AS actual
    FROM compared
    GROUP BY retailer_id, business_date
)
SELECT * FROM differences
UNION ALL
SELECT slice.retailer_id, slice.business_date, NULL, 0, 'no control report', 'not compared'
FROM checked_slices AS slice
JOIN load_ledger AS ledger USING (load_id, retailer_id, business_date)
WHERE ledger.reported IS NULL
