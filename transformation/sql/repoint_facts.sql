-- The facts of a version whose interval changed follow the version that is valid at their time.
-- A sale before the first version belongs to the first. Runs only when previous_versions holds rows.
WITH right_versions AS (
    SELECT
        known.customer_key, known.customer_id, known.valid_to,
        CASE WHEN versions.is_first THEN TIMESTAMPTZ '-infinity' ELSE known.valid_from END AS starts_at
    FROM dim_customer AS known
    JOIN versions USING (customer_id, valid_from)
    WHERE known.retailer_key = %(retailer_key)s
)
UPDATE {facts} AS fact
SET customer_key = right_versions.customer_key
FROM previous_versions
JOIN right_versions USING (customer_id)
WHERE fact.customer_key = previous_versions.customer_key
    AND fact.sold_at >= right_versions.starts_at
    AND fact.sold_at < right_versions.valid_to
    AND fact.customer_key <> right_versions.customer_key;
