-- Finds transactions whose landed lines are under more than one business date, one of which is being loaded, and
-- replaces what transaction_dates holds of the loaded dates; so it can run again. Such transactions are rare.
-- transaction_dates shows this without a look into every month of fact_sales.

-- Grain: transaction x date outside the load, or date of the load that shares it with another loaded date.
-- Filled here; read by resolve_split_transactions.sql and classify_rows.sql.
CREATE TEMP TABLE split_transactions ON COMMIT DROP AS
WITH concerned AS (
    SELECT transaction_id FROM incoming_transactions
    UNION
    SELECT transaction_id
    FROM transaction_dates
    WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s)
)
SELECT other.transaction_id, other.date_key
FROM transaction_dates AS other
JOIN concerned USING (transaction_id)
WHERE other.retailer_key = %(retailer_key)s AND other.date_key <> ALL (%(date_keys)s)
UNION
SELECT transaction_id, date_key
FROM incoming_transactions
WHERE transaction_id IN (SELECT transaction_id FROM incoming_transactions GROUP BY transaction_id HAVING count(*) > 1);

-- Returns all dates with lines of such a transaction. Those that are being loaded are merged, also into a built month.
-- The query sees transaction_dates as it was before the two changes, which never touch the same row.
WITH removed AS (
    DELETE FROM transaction_dates AS known
    WHERE known.retailer_key = %(retailer_key)s
        AND known.date_key = ANY (%(replaced_date_keys)s)
        AND (known.transaction_id, known.date_key) NOT IN (SELECT transaction_id, date_key FROM incoming_transactions)
),
added AS (
    INSERT INTO transaction_dates (retailer_key, transaction_id, date_key)
    SELECT %(retailer_key)s, transaction_id, date_key
    FROM incoming_transactions
    ON CONFLICT (retailer_key, transaction_id, date_key) DO NOTHING
)
SELECT date_key FROM split_transactions
UNION
SELECT date_key FROM incoming_transactions WHERE transaction_id IN (SELECT transaction_id FROM split_transactions)
UNION
SELECT date_key
FROM transaction_dates
WHERE retailer_key = %(retailer_key)s
    AND date_key = ANY (%(date_keys)s)
    AND transaction_id IN (SELECT transaction_id FROM split_transactions);
