-- Whether the date has data, but only of sources that are not due, and lies before everything that was loaded of due ones.
-- Grain: one row.
WITH first_dates AS (
    SELECT min(first.business_date) AS business_date
    FROM unnest(%(due)s::text[]) AS due (retailer_id)
    CROSS JOIN LATERAL (
        SELECT min(ledger.business_date) AS business_date
        FROM load_ledger AS ledger
        WHERE ledger.retailer_id = due.retailer_id
    ) AS first
),
others AS (
    SELECT retailer.retailer_id
    FROM dim_retailer AS retailer
    WHERE retailer.retailer_id <> ALL (%(due)s::text[])
        AND EXISTS (
            SELECT
            FROM load_ledger AS ledger
            WHERE ledger.retailer_id = retailer.retailer_id AND ledger.business_date = %(day)s
        )
)
SELECT
    coalesce(%(day)s < first_dates.business_date, true) AND EXISTS (SELECT FROM others) AS is_before
FROM first_dates
