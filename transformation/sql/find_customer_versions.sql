-- The versions of the customers that the load speaks of, to find the one valid at a time of sale.
-- Grain: customer x version; versions that nothing states any more are left out.
CREATE TEMP TABLE customer_keys ON COMMIT DROP AS
WITH incoming_customers AS (
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
JOIN incoming_customers USING (customer_id)
WHERE retailer_key = %(retailer_key)s
    AND NOT EXISTS (
        SELECT FROM previous_versions
        WHERE previous_versions.customer_key = dim_customer.customer_key AND previous_versions.is_orphaned
    );
