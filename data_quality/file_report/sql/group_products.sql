-- Grain: a product and a name it is sold under, with the number of landed rows. Temporary, read by the quality report.
CREATE OR REPLACE TEMP TABLE report_products AS
SELECT product_id, product_name, count(*) AS n FROM landed_records GROUP BY ALL;
