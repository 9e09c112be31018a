-- The checked slices whose published content a user has approved although checks fail.
-- Grain: one row per such slice and check.
SELECT DISTINCT ON (slice.retailer_id, slice.business_date, failed.value ->> 'check')
    slice.retailer_id, slice.business_date, failed.value ->> 'check' AS check_name, held.decided_by, held.reason
FROM checked_slices AS slice
JOIN ops.load_ledger AS ledger USING (load_id, retailer_id, business_date)
JOIN ops.held_loads AS held USING (retailer_id, business_date, source_sha256)
CROSS JOIN LATERAL jsonb_array_elements(held.failed_checks) AS failed (value)
WHERE held.status = 'approved'
ORDER BY slice.retailer_id, slice.business_date, failed.value ->> 'check', held.held_load_id DESC
