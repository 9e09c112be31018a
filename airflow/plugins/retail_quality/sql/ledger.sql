-- Grain: a retailer's partition of a business date of the period after its latest load, with its amounts as JSON.
SELECT
    latest.business_date,
    latest.retailer_id,
    latest.load_id,
    latest.run_id,
    latest.recorded_at,
    latest.reported,
    latest.fetched,
    latest.landed,
    latest.rejected,
    latest.inserted,
    latest.updated,
    latest.unchanged,
    latest.duplicate,
    latest.superseded,
    latest.withdrawn,
    latest.in_warehouse,
    amounts.money
FROM dim_retailer
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (ledger.business_date) ledger.*
    FROM ops.load_ledger AS ledger
    WHERE ledger.retailer_id = dim_retailer.retailer_id
        AND ledger.business_date BETWEEN %(first)s AND %(last)s
    ORDER BY ledger.business_date DESC, ledger.load_id DESC
) AS latest
CROSS JOIN LATERAL (
    SELECT
        coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'currency', money.currency, 'reported', money.reported::text, 'landed', money.landed::text,
                    'rejected', money.rejected::text, 'inserted', money.inserted::text, 'updated', money.updated::text,
                    'unchanged', money.unchanged::text, 'duplicate', money.duplicate::text,
                    'withdrawn', money.withdrawn::text, 'in_warehouse', money.in_warehouse::text
                )
                ORDER BY money.currency
            ),
            '[]'
        ) AS money
    FROM ops.load_ledger_amounts AS money
    WHERE money.load_id = latest.load_id
        AND money.retailer_id = latest.retailer_id
        AND money.business_date = latest.business_date
        AND money.measure = 'net'
) AS amounts
ORDER BY latest.business_date DESC, latest.retailer_id
