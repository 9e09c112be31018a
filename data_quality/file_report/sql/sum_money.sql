-- Grain: currency: signed net money landed and refused.
WITH amounts AS (
    SELECT currency, net_amount AS landed, 0 AS refused FROM report_days
    UNION ALL
    SELECT currency, 0 AS landed, net_amount AS refused FROM rejected_rows
    WHERE currency IS NOT NULL AND net_amount IS NOT NULL
)
SELECT currency, sum(landed)::DECIMAL(38, 4)::VARCHAR AS landed, sum(refused)::DECIMAL(38, 4)::VARCHAR AS refused
FROM amounts GROUP BY ALL ORDER BY currency;
