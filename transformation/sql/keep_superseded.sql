-- The losers of the loaded partitions; replaced per partition, so it can run again. Grain of superseded_sales.
DELETE FROM superseded_sales
WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s);

INSERT INTO superseded_sales ({superseded_columns})
SELECT
    {superseded_columns; retailer_key=%(retailer_key)s}
FROM classified_sales
WHERE outcome = 'superseded';
