-- What the ledger says was landed. Grain: retailer x business date x currency, after the latest load of each.
WITH slices AS (
    SELECT DISTINCT ON (retailer_id, business_date) load_id, retailer_id, business_date
    FROM ops.load_ledger
    WHERE business_date BETWEEN %(first)s AND %(last)s
    ORDER BY retailer_id, business_date, load_id DESC
)
SELECT retailer_id, business_date, amounts.currency::text, amounts.landed
FROM slices
JOIN ops.load_ledger_amounts AS amounts USING (load_id, retailer_id, business_date)
WHERE amounts.measure = 'net'
