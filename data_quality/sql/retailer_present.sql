-- Grain: one row per retailer that the run expects, for the requested date, but for those whose date is held.
SELECT
    retailer_id,
    business_date,
    1 AS checked,
    (load_id IS NULL)::integer AS failed,
    'published' AS expected,
    coalesce('load ' || load_id, 'not published') AS actual
FROM checked_slices
WHERE is_target AND is_expected AND NOT is_held
