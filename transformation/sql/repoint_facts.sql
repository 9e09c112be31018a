-- The facts of a version whose interval changed move to the version that is valid at their time of sale.
-- A sale before the first version belongs to the first. Runs only when previous_versions holds rows; a second run changes
-- nothing. Grain of fact_sales.
WITH valid_versions AS (
    SELECT
        known.customer_key, known.customer_id, known.valid_to,
        CASE WHEN new_versions.is_first THEN TIMESTAMPTZ '-infinity' ELSE known.valid_from END AS starts_at
    FROM dim_customer AS known
    JOIN new_versions USING (customer_id, valid_from)
    WHERE known.retailer_key = %(retailer_key)s
)
UPDATE {facts} AS fact
SET customer_key = valid_versions.customer_key
FROM previous_versions
JOIN valid_versions USING (customer_id)
WHERE fact.customer_key = previous_versions.customer_key
    AND fact.sold_at >= valid_versions.starts_at
    AND fact.sold_at < valid_versions.valid_to
    AND fact.customer_key <> valid_versions.customer_key;
