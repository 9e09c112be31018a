-- How far the list of changes at the source was read, against the requested date. A retailer whose changes were never
-- read is not checked: it was loaded by date only.
-- Grain: one row per retailer that the run expects and whose changes are read.
WITH marks AS (
    SELECT
        slice.retailer_id,
        slice.business_date,
        (metadata.changes_read_until AT TIME ZONE coalesce(slice.time_zone, 'UTC'))::date AS read_until
    FROM checked_slices AS slice
    JOIN pipeline_metadata AS metadata USING (retailer_id)
    WHERE slice.is_target AND slice.is_expected AND metadata.changes_read_until IS NOT NULL
),
compared AS (
    SELECT
        retailer_id,
        business_date,
        1 AS checked,
        (read_until < business_date - %(grace_days)s)::integer AS failed,
        (business_date - %(grace_days)s)::text AS expected,
        read_until::text AS actual
    FROM marks
)
SELECT * FROM compared
