-- What happens to every staged row, and to every row that fact_sales holds of the same dates.
-- Grain: natural key x date of the load. Filled here; read by count_outcomes.sql, withdraw_rows.sql, keep_superseded.sql
-- and merge_facts*.sql. A full join cannot become a nested loop when the statistics of a new month are missing.
-- inserted: not in fact_sales yet; updated: replaces an older version, possibly of another date; unchanged: the same row
-- is there; superseded: a later version is under another date; withdrawn: no longer in the raw partition.
CREATE TEMP TABLE classified_sales ON COMMIT DROP AS
WITH staged AS (
    SELECT resolved.*, false AS is_superseded, false AS replaces_other_date
    FROM keyed_sales AS resolved
    WHERE transaction_id NOT IN (SELECT transaction_id FROM split_transactions)
    UNION ALL
    SELECT
        resolved.*,
        NOT ranked.is_latest,
        EXISTS (
            SELECT FROM replaced_lines
            WHERE (replaced_lines.transaction_id, replaced_lines.line_id) = (resolved.transaction_id, resolved.line_id)
        ) OR EXISTS (
            SELECT FROM fact_sales AS previous
            WHERE previous.retailer_key = %(retailer_key)s
                AND previous.date_key = ANY (%(date_keys)s)
                AND previous.date_key <> resolved.date_key
                AND (previous.transaction_id, previous.line_id) = (resolved.transaction_id, resolved.line_id)
        )
    FROM keyed_sales AS resolved
    JOIN ranked_lines AS ranked
        ON ranked.stored_in = 'staged'
        AND (ranked.transaction_id, ranked.line_id, ranked.date_key)
        = (resolved.transaction_id, resolved.line_id, resolved.date_key)
),
present AS (
    SELECT *
    FROM fact_sales
    WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s)
)
SELECT
    {keyed_columns:staged;
        date_key=date_key;
        transaction_id=transaction_id;
        line_id=line_id;
        currency=coalesce(staged.currency, present.currency) AS currency;
        net_amount=coalesce(staged.net_amount, present.net_amount) AS net_amount;
        net_tax_amount=CASE WHEN staged.sold_at IS NULL THEN present.net_tax_amount ELSE staged.net_tax_amount END AS net_tax_amount
    },
    present.retailer_key IS NOT NULL AS is_in_facts,
    CASE
        WHEN staged.sold_at IS NULL THEN 'withdrawn'
        WHEN staged.is_superseded THEN 'superseded'
        WHEN present.retailer_key IS NULL AND staged.replaces_other_date THEN 'updated'
        WHEN present.retailer_key IS NULL THEN 'inserted'
        WHEN %(insert_only)s THEN 'unchanged'
        WHEN ({compared_columns:present}) IS DISTINCT FROM ({compared_columns:staged}) THEN 'updated'
        ELSE 'unchanged'
    END AS outcome
FROM staged
FULL JOIN present USING (date_key, transaction_id, line_id)
WHERE staged.sold_at IS NOT NULL OR NOT %(insert_only)s;
ANALYZE classified_sales (date_key, transaction_id, line_id, outcome);
