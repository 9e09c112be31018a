-- Grain: currency: signed net money landed and rejected.
WITH amounts AS (
    SELECT currency, net_amount AS landed, 0 AS rejected FROM report_days
    UNION ALL
    SELECT currency, 0 AS landed, net_amount AS rejected FROM rejected_rows
    WHERE currency IS NOT NULL AND net_amount IS NOT NULL
)
SELECT currency, sum(landed)::DECIMAL(38, 4)::VARCHAR AS landed, sum(rejected)::DECIMAL(38, 4)::VARCHAR AS rejected
FROM amounts GROUP BY ALL ORDER BY currency;
