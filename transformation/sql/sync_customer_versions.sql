-- SCD 2: calculates the versions of the changed customers from all their observations, in whatever order these were loaded.
-- Grain of dim_customer. A version keeps its surrogate key as long as its valid_from stays, so it can run again.

-- Grain: version of a changed customer. Filled here; read here and by repoint_facts.sql.
CREATE TEMP TABLE new_versions ON COMMIT DROP AS
WITH observations AS (
    SELECT DISTINCT ON (customer_id, observed_at) customer_id, observed_at, customer_name, segment, city, country
    FROM customer_observations
    JOIN changed_customers USING (customer_id)
    WHERE retailer_key = %(retailer_key)s
    ORDER BY customer_id, observed_at, changed_at DESC, customer_name COLLATE "C" DESC NULLS LAST,
        segment COLLATE "C" DESC NULLS LAST, city COLLATE "C" DESC NULLS LAST, country COLLATE "C" DESC NULLS LAST
),
compared AS (
    SELECT
        *,
        row_number() OVER in_time AS observation_number,
        (customer_name, segment, city, country) IS DISTINCT FROM (
            lag(customer_name) OVER in_time, lag(segment) OVER in_time, lag(city) OVER in_time, lag(country) OVER in_time
        ) AS has_changed
    FROM observations
    WINDOW in_time AS (PARTITION BY customer_id ORDER BY observed_at)
),
starts AS (
    SELECT customer_id, observed_at AS valid_from, customer_name, segment, city, country
    FROM compared
    WHERE has_changed OR observation_number = 1
)
SELECT
    *,
    lead(valid_from, 1, TIMESTAMPTZ '9999-12-31 00:00+00') OVER in_time AS valid_to,
    row_number() OVER in_time = 1 AS is_first,
    lead(valid_from) OVER in_time IS NULL AS is_current
FROM starts
WINDOW in_time AS (PARTITION BY customer_id ORDER BY valid_from);
ANALYZE new_versions;

-- Grain: version that dim_customer held so far; its facts may have to move. Filled here; read by repoint_facts.sql,
-- find_customer_versions.sql, resolve_split_transactions.sql, delete_orphaned_versions.sql and for built months.
CREATE TEMP TABLE previous_versions ON COMMIT DROP AS
SELECT known.customer_key, known.customer_id, new_versions.valid_from IS NULL AS is_orphaned
FROM dim_customer AS known
JOIN changed_customers USING (customer_id)
LEFT JOIN new_versions ON new_versions.customer_id = known.customer_id AND new_versions.valid_from = known.valid_from
WHERE known.retailer_key = %(retailer_key)s;
ANALYZE previous_versions;

UPDATE dim_customer AS known
SET customer_name = new_versions.customer_name,
    segment = new_versions.segment,
    city = new_versions.city,
    country = new_versions.country,
    valid_to = new_versions.valid_to,
    is_current = new_versions.is_current
FROM new_versions
WHERE known.retailer_key = %(retailer_key)s
    AND known.customer_id = new_versions.customer_id
    AND known.valid_from = new_versions.valid_from
    AND (known.customer_name, known.segment, known.city, known.country, known.valid_to, known.is_current)
    IS DISTINCT FROM
    (
        new_versions.customer_name, new_versions.segment, new_versions.city, new_versions.country, new_versions.valid_to,
        new_versions.is_current
    );

INSERT INTO dim_customer
    (retailer_key, customer_id, customer_name, segment, city, country, valid_from, valid_to, is_current)
SELECT %(retailer_key)s, customer_id, customer_name, segment, city, country, valid_from, valid_to, is_current
FROM new_versions
ORDER BY customer_id, valid_from
ON CONFLICT (retailer_key, customer_id, valid_from) DO NOTHING;
