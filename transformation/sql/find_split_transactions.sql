-- Transactions of which landed lines stand under more than one business date, when at least one of these dates is
-- being loaded. Normally none. transaction_dates answers this without probing every month of fact_sales.
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

-- All dates whose rows such a transaction concerns; those being loaded are merged, be it into a month that is built.
CREATE TEMP TABLE split_dates ON COMMIT DROP AS
SELECT date_key FROM split_transactions
UNION
SELECT date_key FROM incoming_transactions WHERE transaction_id IN (SELECT transaction_id FROM split_transactions)
UNION
SELECT date_key
FROM transaction_dates
WHERE retailer_key = %(retailer_key)s
    AND date_key = ANY (%(date_keys)s)
    AND transaction_id IN (SELECT transaction_id FROM split_transactions);

DELETE FROM transaction_dates AS known
WHERE known.retailer_key = %(retailer_key)s
    AND known.date_key = ANY (%(replaced_date_keys)s)
    AND (known.transaction_id, known.date_key) NOT IN (SELECT transaction_id, date_key FROM incoming_transactions);

INSERT INTO transaction_dates (retailer_key, transaction_id, date_key)
SELECT %(retailer_key)s, transaction_id, date_key
FROM incoming_transactions
ON CONFLICT (retailer_key, transaction_id, date_key) DO NOTHING;
