-- Of lines with the same natural key under several business dates, fact_sales holds the one that the source changed last
-- (on a tie, the later date), and superseded_sales the others. An insert-only load leaves the line in fact_sales there.
-- Runs again without effect, since a line that is in the right table is not moved.

-- Grain: line of a split transaction x business date. Filled here; read here and by classify_rows.sql.
CREATE TEMP TABLE ranked_lines ON COMMIT DROP AS
WITH line_versions AS (
    SELECT
        'staged' AS stored_in, staged.date_key, staged.transaction_id, staged.line_id, staged.source_changed_at
    FROM keyed_sales AS staged
    WHERE staged.transaction_id IN (SELECT transaction_id FROM split_transactions)
    UNION ALL
    SELECT 'fact', fact.date_key, fact.transaction_id, fact.line_id, fact.source_changed_at
    FROM fact_sales AS fact
    JOIN split_transactions USING (transaction_id, date_key)
    WHERE fact.retailer_key = %(retailer_key)s
        AND fact.date_key = ANY (%(split_dates)s)
        AND fact.date_key <> ALL (%(date_keys)s)
    UNION ALL
    SELECT 'superseded', old.date_key, old.transaction_id, old.line_id, old.source_changed_at
    FROM superseded_sales AS old
    WHERE old.retailer_key = %(retailer_key)s
        AND old.transaction_id IN (SELECT transaction_id FROM split_transactions)
        AND old.date_key <> ALL (%(date_keys)s)
)
SELECT
    *,
    row_number() OVER (
        PARTITION BY transaction_id, line_id
        ORDER BY %(insert_only)s AND stored_in = 'fact' DESC, source_changed_at DESC, date_key DESC
    ) = 1 AS is_latest
FROM line_versions;

-- Grain of superseded_sales: lines that return to fact_sales because the version that superseded them is gone or older
-- now. Filled here; read here, by the step itself and by restate_ledger.sql.
CREATE TEMP TABLE restored ON COMMIT DROP AS
WITH latest AS (
    DELETE FROM superseded_sales AS old
    USING ranked_lines
    WHERE old.retailer_key = %(retailer_key)s
        AND ranked_lines.stored_in = 'superseded'
        AND ranked_lines.is_latest
        AND (old.transaction_id, old.line_id, old.date_key)
        = (ranked_lines.transaction_id, ranked_lines.line_id, ranked_lines.date_key)
    RETURNING old.*
)
SELECT * FROM latest;

-- Grain of fact_sales: lines of other dates that a later version replaces. Filled here; read here, by the step itself
-- and by classify_rows.sql.
CREATE TEMP TABLE replaced_lines ON COMMIT DROP AS
WITH outdated AS (
    DELETE FROM fact_sales AS fact
    USING ranked_lines
    WHERE fact.retailer_key = %(retailer_key)s
        AND fact.date_key = ANY (%(split_dates)s)
        AND ranked_lines.stored_in = 'fact'
        AND NOT ranked_lines.is_latest
        AND (fact.transaction_id, fact.line_id, fact.date_key)
        = (ranked_lines.transaction_id, ranked_lines.line_id, ranked_lines.date_key)
    RETURNING fact.*
)
SELECT * FROM outdated;

INSERT INTO superseded_sales ({superseded_columns})
SELECT
    {superseded_columns:replaced_lines; customer_id=customer.customer_id}
FROM replaced_lines
JOIN dim_customer AS customer USING (customer_key);

INSERT INTO fact_sales ({fact_columns})
SELECT
    {fact_columns:restored; customer_key=customer.customer_key; load_id=%(load_id)s}
FROM restored
JOIN LATERAL (
    SELECT customer_key
    FROM dim_customer
    WHERE retailer_key = restored.retailer_key
        AND customer_id = restored.customer_id
        AND customer_key NOT IN (SELECT customer_key FROM previous_versions WHERE is_orphaned)
    ORDER BY valid_from <= restored.sold_at DESC,
        CASE WHEN valid_from <= restored.sold_at THEN valid_from END DESC,
        valid_from
    LIMIT 1
) AS customer ON true;
