-- Versions that nothing states any more, once no fact points to them.
DELETE FROM dim_customer AS known
USING former_versions
WHERE known.customer_key = former_versions.customer_key
    AND former_versions.is_dead;
