-- How far the list of changes at the source was read, against the requested date. Where it was never read, because the
-- source was loaded by date only, and where the source has none (any more), nothing is checked. A time in the future says
-- that changes were read that have not happened yet, so it fails.
-- Grain: one row per retailer that the run expects, but for those whose date is held.
WITH marks AS (
    SELECT
        slice.retailer_id,
        slice.business_date,
        CASE
            WHEN metadata.has_change_list IS DISTINCT FROM false
            THEN (metadata.changes_read_until AT TIME ZONE coalesce(slice.time_zone, 'UTC'))::date
        END AS read_until,
        metadata.has_change_list IS DISTINCT FROM false AND metadata.changes_read_until > now() AS is_ahead
    FROM checked_slices AS slice
    LEFT JOIN pipeline_metadata AS metadata USING (retailer_id)
    WHERE slice.is_target AND slice.is_expected AND NOT slice.is_held
),
compared AS (
    SELECT
        retailer_id,
        business_date,
        CASE WHEN read_until IS NOT NULL THEN 1 END AS checked,
        coalesce(read_until < business_date - %(grace_days)s OR is_ahead, false)::integer AS failed,
        (business_date - %(grace_days)s)::text AS expected,
        coalesce(read_until::text, 'no list of changes was read') AS actual
    FROM marks
)
SELECT * FROM compared
