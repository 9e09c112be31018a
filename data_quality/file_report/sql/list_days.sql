-- Grain: business date × currency: landed and rejected rows, and landed net money.
WITH landed AS (
    SELECT business_date, currency, sum(n)::BIGINT AS landed, sum(net_amount) AS net_amount
    FROM report_days GROUP BY ALL
),
rejected AS (
    SELECT business_date, count(*) AS rejected FROM rejected_rows GROUP BY ALL
)
SELECT
    coalesce(landed.business_date, rejected.business_date)::VARCHAR AS business_date,
    landed.currency,
    coalesce(landed.landed, 0) AS landed,
    coalesce(rejected.rejected, 0) AS rejected,
    coalesce(landed.net_amount, 0)::VARCHAR AS net_amount
FROM landed FULL JOIN rejected ON rejected.business_date = landed.business_date
ORDER BY business_date, currency;
