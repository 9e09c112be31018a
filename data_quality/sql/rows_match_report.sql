-- Distinct lines landed against the retailer's own count, which includes the lines that were rejected. A rejected line that
-- was delivered twice was rejected twice, so up to `rejected` lines more than reported do not count as a difference.
-- Without a control report nothing is checked.
-- Grain: one row per loaded slice.
WITH compared AS (
    SELECT
        slice.retailer_id,
        slice.business_date,
        ledger.reported,
        ledger.in_warehouse + ledger.superseded AS landed,
        ledger.rejected
    FROM checked_slices AS slice
    JOIN load_ledger AS ledger USING (load_id, retailer_id, business_date)
),
differences AS (
    SELECT
        retailer_id,
        business_date,
        CASE WHEN reported IS NOT NULL THEN greatest(reported, landed) END AS checked,
        greatest(reported - landed - rejected, landed - reported, 0) AS failed,
        coalesce(to_char(reported, 'FM999,999,999,990'), 'no control report') AS expected,
        to_char(landed, 'FM999,999,999,990')
            || CASE WHEN rejected > 0 THEN ' and ' || to_char(rejected, 'FM999,999,999,990') || ' rejected' ELSE '' END AS actual
    FROM compared
)
SELECT * FROM differences
