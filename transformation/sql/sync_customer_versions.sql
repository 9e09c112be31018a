-- SCD 2: the versions of the touched customers follow from all that is incoming_customers about them, in whatever order it came.
-- Grain of dim_customer. A version keeps its surrogate key as long as its valid_from stays.
CREATE TEMP TABLE versions ON COMMIT DROP AS
WITH statements AS (
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
        row_number() OVER in_time AS statement_number,
        (customer_name, segment, city, country) IS DISTINCT FROM (
            lag(customer_name) OVER in_time, lag(segment) OVER in_time, lag(city) OVER in_time, lag(country) OVER in_time
        ) AS has_changed
    FROM statements
    WINDOW in_time AS (PARTITION BY customer_id ORDER BY observed_at)
),
starts AS (
    SELECT customer_id, observed_at AS valid_from, customer_name, segment, city, country
    FROM compared
    WHERE has_changed OR statement_number = 1
)
SELECT
    *,
    lead(valid_from, 1, TIMESTAMPTZ '9999-12-31 00:00+00') OVER in_time AS valid_to,
    row_number() OVER in_time = 1 AS is_first,
    lead(valid_from) OVER in_time IS NULL AS is_current
FROM starts
WINDOW in_time AS (PARTITION BY customer_id ORDER BY valid_from);
ANALYZE versions;

-- What the star held of them so far: the facts of these versions may have to move.
CREATE TEMP TABLE previous_versions ON COMMIT DROP AS
SELECT known.customer_key, known.customer_id, versions.valid_from IS NULL AS is_orphaned
FROM dim_customer AS known
JOIN changed_customers USING (customer_id)
LEFT JOIN versions ON versions.customer_id = known.customer_id AND versions.valid_from = known.valid_from
WHERE known.retailer_key = %(retailer_key)s;
ANALYZE previous_versions;

UPDATE dim_customer AS known
SET customer_name = versions.customer_name,
    segment = versions.segment,
    city = versions.city,
    country = versions.country,
    valid_to = versions.valid_to,
    is_current = versions.is_current
FROM versions
WHERE known.retailer_key = %(retailer_key)s
    AND known.customer_id = versions.customer_id
    AND known.valid_from = versions.valid_from
    AND (known.customer_name, known.segment, known.city, known.country, known.valid_to, known.is_current)
    IS DISTINCT FROM
    (versions.customer_name, versions.segment, versions.city, versions.country, versions.valid_to, versions.is_current);

INSERT INTO dim_customer
    (retailer_key, customer_id, customer_name, segment, city, country, valid_from, valid_to, is_current)
SELECT %(retailer_key)s, customer_id, customer_name, segment, city, country, valid_from, valid_to, is_current
FROM versions
ORDER BY customer_id, valid_from
ON CONFLICT (retailer_key, customer_id, valid_from) DO NOTHING;
