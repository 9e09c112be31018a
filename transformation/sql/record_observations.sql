-- Replaces what the loaded partitions observe of customers, and finds the customers whose history that can change.
-- Grain of customer_observations; replaced per partition, so it can run again.

-- Grain: observation that the loaded partitions no longer hold. Filled and read here.
CREATE TEMP TABLE removed_observations ON COMMIT DROP AS
WITH removed AS (
    DELETE FROM customer_observations AS known
    WHERE known.retailer_key = %(retailer_key)s
        AND known.date_key = ANY (%(replaced_date_keys)s)
        AND NOT EXISTS (
            SELECT FROM incoming_customers
            WHERE (incoming_customers.customer_id, incoming_customers.observed_at, incoming_customers.date_key)
                = (known.customer_id, known.observed_at, known.date_key)
                AND (
                    incoming_customers.customer_name, incoming_customers.segment, incoming_customers.city,
                    incoming_customers.country, incoming_customers.changed_at
                )
                IS NOT DISTINCT FROM (known.customer_name, known.segment, known.city, known.country, known.changed_at)
        )
    RETURNING known.customer_id, known.observed_at, known.customer_name, known.segment, known.city, known.country
)
SELECT * FROM removed;

-- Grain: observation that is new. Filled and read here.
CREATE TEMP TABLE added_observations ON COMMIT DROP AS
WITH added AS (
    INSERT INTO customer_observations
        (retailer_key, customer_id, observed_at, date_key, customer_name, segment, city, country, changed_at)
    SELECT %(retailer_key)s, customer_id, observed_at, date_key, customer_name, segment, city, country, changed_at
    FROM incoming_customers
    ON CONFLICT (retailer_key, customer_id, observed_at, date_key) DO NOTHING
    RETURNING customer_id, observed_at, customer_name, segment, city, country
)
SELECT * FROM added;
ANALYZE added_observations;

-- Grain: customer. Filled here; read by sync_customer_versions.sql and for the count of changed customers.
CREATE TEMP TABLE changed_customers ON COMMIT DROP AS
WITH newly_observed AS (
    -- An observation that agrees with the version it falls into, and with all others of its time, changes nothing.
    SELECT added.customer_id
    FROM added_observations AS added
    WHERE NOT EXISTS (
        SELECT FROM dim_customer AS version
        WHERE version.retailer_key = %(retailer_key)s
            AND version.customer_id = added.customer_id
            AND version.valid_from <= added.observed_at
            AND version.valid_to > added.observed_at
            AND (version.customer_name, version.segment, version.city, version.country)
            IS NOT DISTINCT FROM (added.customer_name, added.segment, added.city, added.country)
    ) OR EXISTS (
        SELECT FROM customer_observations AS other
        WHERE other.retailer_key = %(retailer_key)s
            AND other.customer_id = added.customer_id
            AND other.observed_at = added.observed_at
            AND (other.customer_name, other.segment, other.city, other.country)
            IS DISTINCT FROM (added.customer_name, added.segment, added.city, added.country)
    )
),
no_longer_observed AS (
    SELECT removed.customer_id
    FROM removed_observations AS removed
    WHERE NOT EXISTS (
        SELECT FROM customer_observations AS other
        WHERE other.retailer_key = %(retailer_key)s
            AND other.customer_id = removed.customer_id
            AND other.observed_at = removed.observed_at
            AND (other.customer_name, other.segment, other.city, other.country)
            IS NOT DISTINCT FROM (removed.customer_name, removed.segment, removed.city, removed.country)
    ) OR EXISTS (
        SELECT FROM customer_observations AS other
        WHERE other.retailer_key = %(retailer_key)s
            AND other.customer_id = removed.customer_id
            AND other.observed_at = removed.observed_at
            AND (other.customer_name, other.segment, other.city, other.country)
            IS DISTINCT FROM (removed.customer_name, removed.segment, removed.city, removed.country)
    )
)
SELECT customer_id FROM newly_observed
UNION
SELECT customer_id FROM no_longer_observed;
ANALYZE changed_customers;
