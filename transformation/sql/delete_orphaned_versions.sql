-- Deletes the customer versions that are no longer observed, once no fact refers to them. Runs again without effect.
DELETE FROM dim_customer AS known
USING previous_versions
WHERE known.customer_key = previous_versions.customer_key
    AND previous_versions.is_orphaned;
