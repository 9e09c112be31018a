-- Grain: one row per scheduled retailer that the run does not expect, for the requested date, but for those whose date is
-- held.
SELECT
    retailer_id,
    business_date,
    1 AS checked,
    (load_id IS NULL)::integer AS failed,
    'published' AS expected,
    coalesce('load ' || load_id || ', earlier', 'not published') AS actual
FROM checked_slices
WHERE is_target AND is_scheduled AND NOT is_expected AND NOT is_held
