-- The lines of the loaded dates of which a later version is under another date. Grain of superseded_sales.
-- Replaced per date, so it can run again.
DELETE FROM superseded_sales
WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s);

INSERT INTO superseded_sales ({superseded_columns})
SELECT
    {superseded_columns; retailer_key=%(retailer_key)s}
FROM classified_sales
WHERE outcome = 'superseded';
