-- Grain: one row per nightly retailer the run does not count on, for the date asked for.
SELECT
    retailer_id,
    business_date,
    1 AS checked,
    (load_id IS NULL)::integer AS failed,
    'published' AS expected,
    coalesce('load ' || load_id || ', earlier', 'not published') AS actual
FROM checked_slices
WHERE is_target AND is_nightly AND NOT is_expected
