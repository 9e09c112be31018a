-- The latest date published against the requested date.
-- Grain: one row per retailer that the run expects, but for those whose date is held.
SELECT
    slice.retailer_id,
    slice.business_date,
    1 AS checked,
    (coalesce(metadata.last_processed_date, DATE '-infinity') < slice.business_date)::integer AS failed,
    slice.business_date::text AS expected,
    coalesce(metadata.last_processed_date::text, 'never published') AS actual
FROM checked_slices AS slice
LEFT JOIN pipeline_metadata AS metadata USING (retailer_id)
WHERE slice.is_target AND slice.is_expected AND NOT slice.is_held
