-- DuckDB. One raw partition, deduplicated and completed. Grain: one row per natural key (transaction_id, line_id).
-- Of several copies the one changed last at the source wins; equal ones are told apart by their content, so that the
-- order of the lines in the file never matters.
CREATE OR REPLACE TEMP TABLE conformed AS
WITH landed AS (
    SELECT * FROM landed_records
),
completed AS (
    SELECT
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
        quantity, unit_price, total_amount, net_quantity, net_amount, currency
    FROM landed
),
copied_keys AS (
    SELECT transaction_id, line_id
    FROM landed
    GROUP BY transaction_id, line_id
    HAVING count(*) > 1
),
ranked_copies AS (
    -- Only what came more than once is ranked: most days nothing did.
    SELECT
        completed.*,
        row_number() OVER (
            PARTITION BY transaction_id, line_id
            ORDER BY changed_at DESC, md5(completed::VARCHAR) DESC
        ) AS copy_number
    FROM completed
    SEMI JOIN copied_keys USING (transaction_id, line_id)
),
kept AS (
    SELECT completed.* FROM completed ANTI JOIN copied_keys USING (transaction_id, line_id)
    UNION ALL
    SELECT * EXCLUDE (copy_number) FROM ranked_copies WHERE copy_number = 1
)
SELECT * FROM kept;
