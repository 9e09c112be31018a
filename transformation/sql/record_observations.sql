-- Replaces what the loaded partitions state about customers, and finds whose history that can change.
-- Grain of customer_observations; replaced per partition, so it can run again.
CREATE TEMP TABLE gone ON COMMIT DROP AS
WITH removed AS (
    DELETE FROM customer_observations AS known
    WHERE known.retailer_key = %(retailer_key)s
        AND known.date_key = ANY (%(replaced_date_keys)s)
        AND NOT EXISTS (
            SELECT FROM stated
            WHERE (stated.customer_id, stated.observed_at, stated.date_key)
                = (known.customer_id, known.observed_at, known.date_key)
                AND (stated.customer_name, stated.segment, stated.city, stated.country, stated.changed_at)
                IS NOT DISTINCT FROM (known.customer_name, known.segment, known.city, known.country, known.changed_at)
        )
    RETURNING known.customer_id, known.observed_at, known.customer_name, known.segment, known.city, known.country
)
SELECT * FROM removed;

CREATE TEMP TABLE came ON COMMIT DROP AS
WITH added AS (
    INSERT INTO customer_observations
        (retailer_key, customer_id, observed_at, date_key, customer_name, segment, city, country, changed_at)
    SELECT %(retailer_key)s, customer_id, observed_at, date_key, customer_name, segment, city, country, changed_at
    FROM stated
    ON CONFLICT (retailer_key, customer_id, observed_at, date_key) DO NOTHING
    RETURNING customer_id, observed_at, customer_name, segment, city, country
)
SELECT * FROM added;
ANALYZE came;

CREATE TEMP TABLE touched_customers ON COMMIT DROP AS
WITH stated_anew AS (
    -- A statement that agrees with the version it falls into, and with all others about its moment, changes nothing.
    SELECT came.customer_id
    FROM came
    WHERE NOT EXISTS (
        SELECT FROM dim_customer AS version
        WHERE version.retailer_key = %(retailer_key)s
            AND version.customer_id = came.customer_id
            AND version.valid_from <= came.observed_at
            AND version.valid_to > came.observed_at
            AND (version.customer_name, version.segment, version.city, version.country)
            IS NOT DISTINCT FROM (came.customer_name, came.segment, came.city, came.country)
    ) OR EXISTS (
        SELECT FROM customer_observations AS other
        WHERE other.retailer_key = %(retailer_key)s
            AND other.customer_id = came.customer_id
            AND other.observed_at = came.observed_at
            AND (other.customer_name, other.segment, other.city, other.country)
            IS DISTINCT FROM (came.customer_name, came.segment, came.city, came.country)
    )
),
no_longer_stated AS (
    SELECT gone.customer_id
    FROM gone
    WHERE NOT EXISTS (
        SELECT FROM customer_observations AS other
        WHERE other.retailer_key = %(retailer_key)s
            AND other.customer_id = gone.customer_id
            AND other.observed_at = gone.observed_at
            AND (other.customer_name, other.segment, other.city, other.country)
            IS NOT DISTINCT FROM (gone.customer_name, gone.segment, gone.city, gone.country)
    ) OR EXISTS (
        SELECT FROM customer_observations AS other
        WHERE other.retailer_key = %(retailer_key)s
            AND other.customer_id = gone.customer_id
            AND other.observed_at = gone.observed_at
            AND (other.customer_name, other.segment, other.city, other.country)
            IS DISTINCT FROM (gone.customer_name, gone.segment, gone.city, gone.country)
    )
)
SELECT customer_id FROM stated_anew
UNION
SELECT customer_id FROM no_longer_stated;
ANALYZE touched_customers;
