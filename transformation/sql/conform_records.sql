-- DuckDB. The landed records of the dates being loaded, without duplicates and with defaults for missing values.
-- Grain of `conformed`: business date x natural key (transaction_id, line_id).
-- Of several versions of a record the greatest by VERSION_ORDER (ingestion/models/columns.py) is kept, as a listing is
-- reconciled. Then the content decides, so that the order of the lines in a file never matters.
CREATE OR REPLACE VIEW completed AS
SELECT
    landed_records.rowid AS record_id,
    retailer_id, transaction_id, line_id, line_type, business_date, sold_at, changed_at,
    store_id, store_name, store_city, store_country,
    product_id,
    coalesce(product_name, 'Unknown') AS product_name,
    coalesce(product_category, 'Unknown') AS product_category,
    -- A sale without a description says nothing about the product; it must not overwrite one that does.
    CASE WHEN product_name IS NULL THEN TIMESTAMPTZ '1900-01-01 00:00:00+00' ELSE sold_at END AS product_as_of,
    CASE
        WHEN store_name IS NULL AND store_city IS NULL AND store_country IS NULL
        THEN TIMESTAMPTZ '1900-01-01 00:00:00+00'
        ELSE sold_at
    END AS store_as_of,
    customer_id,
    CASE WHEN customer_id <> 'GUEST' THEN customer_name END AS customer_name,
    CASE WHEN customer_id <> 'GUEST' THEN customer_segment END AS customer_segment,
    CASE WHEN customer_id <> 'GUEST' THEN customer_city END AS customer_city,
    CASE WHEN customer_id <> 'GUEST' THEN customer_country END AS customer_country,
    CASE
        WHEN customer_id = 'GUEST' THEN TIMESTAMPTZ '1900-01-01 00:00:00+00'
        ELSE coalesce(customer_since, sold_at)
    END AS customer_observed_at,
    {last_columns}
FROM landed_records
SEMI JOIN loaded_dates USING (business_date);

-- Grain: record that is not kept. Filled here; read here and by the counts of duplicates (conform.py).
-- Only keys that occur more than once are ranked, and most do not. A hash finds them, since numbers group faster than
-- texts; the ranking separates the few keys that have the same hash by chance.
CREATE OR REPLACE TABLE duplicate_records AS
WITH keyed AS (
    SELECT record_id, hash(business_date, transaction_id, line_id) AS key_number
    FROM completed
),
repeated AS (
    SELECT key_number
    FROM keyed
    GROUP BY key_number
    HAVING count(*) > 1
),
suspects AS (
    SELECT record_id
    FROM keyed
    SEMI JOIN repeated USING (key_number)
),
ranked AS (
    SELECT
        completed.record_id,
        row_number() OVER (
            PARTITION BY completed.business_date, completed.transaction_id, completed.line_id
            ORDER BY ({version_order:completed}) DESC, md5(content::VARCHAR) DESC
        ) AS version_number
    FROM completed
    SEMI JOIN suspects USING (record_id),
    LATERAL (SELECT completed.* EXCLUDE (record_id)) AS content
)
SELECT record_id
FROM ranked
WHERE version_number > 1;

CREATE OR REPLACE VIEW conformed AS
SELECT * EXCLUDE (record_id)
FROM completed
ANTI JOIN duplicate_records USING (record_id);
