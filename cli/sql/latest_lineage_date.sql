-- The latest business date of which lineage is kept, of one data set when %(data_set)s is given.
SELECT max(last_date) AS day
FROM ops.data_lineage
WHERE (%(data_set)s IS NULL OR %(data_set)s IN (source_name, target_name)
        OR right(target_name, length(%(data_set)s) + 1) = '.' || %(data_set)s
        OR right(source_name, length(%(data_set)s) + 1) = '.' || %(data_set)s)
    AND (%(retailer)s IS NULL OR retailer_id IS NULL OR retailer_id = %(retailer)s)
