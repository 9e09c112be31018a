-- Rejected records, of all fetched records.
-- Grain: one row per loaded slice.
SELECT slice.retailer_id, slice.business_date, ledger.fetched AS checked, ledger.rejected AS failed
FROM checked_slices AS slice
JOIN load_ledger AS ledger USING (load_id, retailer_id, business_date)
