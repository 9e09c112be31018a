-- Grain: a customer and a country it is placed in, with the number of landed rows. Temporary, read by the quality report.
CREATE OR REPLACE TEMP TABLE report_customers AS
SELECT customer_id, customer_country, count(*) AS n FROM landed_records GROUP BY ALL;
