-- What becomes of every staged row, and of every row the star holds of the partitions. Grain: one row per natural key
-- and partition of the load. A full join has no nested loop to fall into when the statistics of a new month are missing.
-- inserted: new to the star; updated: replaces an older version, be it under another date; unchanged: already there
-- exactly so; superseded: a later version stands under another date; withdrawn: no longer in the partition.
CREATE TEMP TABLE classified_sales ON COMMIT DROP AS
WITH settled AS (
    SELECT resolved.*, false AS is_superseded, false AS replaces_other_date
    FROM keyed_sales AS resolved
    WHERE transaction_id NOT IN (SELECT transaction_id FROM split_transactions)
    UNION ALL
    SELECT
        resolved.*,
        NOT standing.is_latest,
        EXISTS (
            SELECT FROM replaced_lines
            WHERE (replaced_lines.transaction_id, replaced_lines.line_id) = (resolved.transaction_id, resolved.line_id)
        ) OR EXISTS (
            SELECT FROM fact_sales AS former
            WHERE former.retailer_key = %(retailer_key)s
                AND former.date_key = ANY (%(date_keys)s)
                AND former.date_key <> resolved.date_key
                AND (former.transaction_id, former.line_id) = (resolved.transaction_id, resolved.line_id)
        )
    FROM keyed_sales AS resolved
    JOIN ranked_lines AS standing
        ON standing.stored_in = 'staged'
        AND (standing.transaction_id, standing.line_id, standing.date_key)
        = (resolved.transaction_id, resolved.line_id, resolved.date_key)
),
present AS (
    SELECT *
    FROM fact_sales
    WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s)
)
SELECT
    {keyed_columns:settled;
        date_key=date_key;
        transaction_id=transaction_id;
        line_id=line_id;
        currency=coalesce(settled.currency, present.currency) AS currency;
        net_amount=coalesce(settled.net_amount, present.net_amount) AS net_amount
    },
    present.retailer_key IS NOT NULL AS is_in_star,
    CASE
        WHEN settled.sold_at IS NULL THEN 'withdrawn'
        WHEN settled.is_superseded THEN 'superseded'
        WHEN present.retailer_key IS NULL AND settled.replaces_other_date THEN 'updated'
        WHEN present.retailer_key IS NULL THEN 'inserted'
        WHEN %(insert_only)s THEN 'unchanged'
        WHEN ({compared_columns:present}) IS DISTINCT FROM ({compared_columns:settled}) THEN 'updated'
        ELSE 'unchanged'
    END AS outcome
FROM settled
FULL JOIN present USING (date_key, transaction_id, line_id)
WHERE settled.sold_at IS NOT NULL OR NOT %(insert_only)s;
ANALYZE classified_sales (date_key, transaction_id, line_id, outcome);
