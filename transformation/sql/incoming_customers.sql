-- DuckDB. What each partition says of each customer and time; of several observations the one changed last at the source.
-- Grain of ops.customer_observations. Texts compare by their bytes, as COLLATE "C" does in the warehouse.
WITH observations AS (
    SELECT
        customer_id, customer_observed_at AS observed_at, business_date, customer_name, customer_segment, customer_city,
        customer_country, max(changed_at) AS changed_at
    FROM conformed
    GROUP BY customer_id, customer_observed_at, business_date, customer_name, customer_segment, customer_city,
        customer_country
)
SELECT DISTINCT ON (customer_id, observed_at, business_date)
    customer_id, observed_at, CAST(strftime(business_date, '%Y%m%d') AS INTEGER) AS date_key, customer_name,
    customer_segment AS segment, customer_city AS city, customer_country AS country, changed_at
FROM observations
ORDER BY customer_id, observed_at, business_date, changed_at DESC, customer_name DESC NULLS LAST,
    customer_segment DESC NULLS LAST, customer_city DESC NULLS LAST, customer_country DESC NULLS LAST;
