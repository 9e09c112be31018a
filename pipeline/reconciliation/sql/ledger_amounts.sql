-- The amounts of the newest ledger row of each date of a source. Reads only. Grain: business date x currency x measure.
WITH newest AS (
    SELECT business_date, max(load_id) AS load_id
    FROM ops.load_ledger
    WHERE retailer_id = %(retailer_id)s AND business_date BETWEEN %(first)s AND %(last)s
    GROUP BY business_date
)
SELECT
    newest.business_date, amounts.currency::text, amounts.measure, amounts.reported, amounts.landed, amounts.rejected,
    amounts.in_warehouse
FROM newest
JOIN ops.load_ledger_amounts AS amounts USING (business_date, load_id)
WHERE amounts.retailer_id = %(retailer_id)s
