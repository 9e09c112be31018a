-- Grain: business date × currency × line type, with landed rows and signed net money. Temporary, read by the report.
CREATE OR REPLACE TEMP TABLE report_days AS
SELECT business_date, currency, line_type, count(*) AS n, sum(net_amount) AS net_amount FROM landed_records GROUP BY ALL;
