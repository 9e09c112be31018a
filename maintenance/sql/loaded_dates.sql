-- The business dates that were ever published. Grain: retailer x business date.
SELECT DISTINCT retailer_id, business_date
FROM ops.load_ledger
WHERE retailer_id = ANY (%(retailers)s) AND business_date <= %(last)s
