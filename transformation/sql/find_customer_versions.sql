-- The versions of the loaded customers, with the interval in which each is valid. Versions that are no longer observed are
-- left out. Grain: customer x version. Filled here; read by resolve_keys.sql, insert_new_dates.sql and built months.
CREATE TEMP TABLE customer_keys ON COMMIT DROP AS
WITH loaded AS (
    SELECT DISTINCT customer_id FROM incoming_customers
)
SELECT
    customer_key, customer_id, valid_to,
    -- A sale before the first version belongs to the first.
    CASE
        WHEN row_number() OVER (PARTITION BY customer_id ORDER BY valid_from) = 1 THEN TIMESTAMPTZ '-infinity'
        ELSE valid_from
    END AS starts_at
FROM dim_customer
JOIN loaded USING (customer_id)
WHERE retailer_key = %(retailer_key)s
    AND NOT EXISTS (
        SELECT FROM previous_versions
        WHERE previous_versions.customer_key = dim_customer.customer_key AND previous_versions.is_orphaned
    );
