-- Versions that nothing states any more, once no fact points to them.
DELETE FROM dim_customer AS known
USING previous_versions
WHERE known.customer_key = previous_versions.customer_key
    AND previous_versions.is_orphaned;
