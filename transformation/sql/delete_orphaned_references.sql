-- Deletes the rows of a month that is about to be replaced which refer to customer versions that are no longer observed,
-- so that these versions can be deleted before the replacement blocks readers. No reader sees the month without them.
-- Grain of fact_sales. Runs again without effect.
DELETE FROM fact_sales AS fact
USING previous_versions
WHERE fact.customer_key = previous_versions.customer_key
    AND previous_versions.is_orphaned
    AND fact.date_key BETWEEN %(first_key)s AND %(last_key)s;
