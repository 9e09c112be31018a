-- What becomes of every staged row. Grain: one row per natural key and partition of the load.
-- inserted: new to the star; updated: replaces an older version, be it under another date; unchanged: already there
-- exactly so; superseded: a later version stands under another date.
CREATE TEMP TABLE classified_sales ON COMMIT DROP AS
SELECT
    staged.*,
    CASE
        WHEN staged.is_superseded THEN 'superseded'
        WHEN fact.date_key IS NULL AND staged.replaces_other_date THEN 'updated'
        WHEN fact.date_key IS NULL THEN 'inserted'
        WHEN %(insert_only)s THEN 'unchanged'
        WHEN (
            fact.product_key, fact.customer_key, fact.store_key, fact.line_type, fact.sold_at, fact.currency, fact.quantity,
            fact.unit_price, fact.total_amount, fact.net_quantity, fact.net_amount, fact.source_changed_at
        ) IS DISTINCT FROM (
            staged.product_key, staged.customer_key, staged.store_key, staged.line_type, staged.sold_at, staged.currency,
            staged.quantity, staged.unit_price, staged.total_amount, staged.net_quantity, staged.net_amount,
            staged.source_changed_at
        ) THEN 'updated'
        ELSE 'unchanged'
    END AS outcome
FROM (
    SELECT resolved.*, false AS is_superseded, false AS replaces_other_date FROM resolved_sales AS resolved
    WHERE NOT EXISTS (SELECT FROM contested WHERE contested.transaction_id = resolved.transaction_id)
    UNION ALL
    SELECT
        resolved.*,
        NOT standing.is_winner,
        EXISTS (
            SELECT FROM outdated
            WHERE (outdated.transaction_id, outdated.line_id) = (resolved.transaction_id, resolved.line_id)
        ) OR EXISTS (
            SELECT FROM fact_sales AS former
            WHERE former.retailer_key = %(retailer_key)s
                AND former.date_key = ANY (%(date_keys)s)
                AND former.date_key <> resolved.date_key
                AND (former.transaction_id, former.line_id) = (resolved.transaction_id, resolved.line_id)
        )
    FROM resolved_sales AS resolved
    JOIN standings AS standing
        ON standing.stands_in = 'staged'
        AND (standing.transaction_id, standing.line_id, standing.date_key)
        = (resolved.transaction_id, resolved.line_id, resolved.date_key)
) AS staged
LEFT JOIN fact_sales AS fact
    ON fact.retailer_key = %(retailer_key)s
    AND fact.date_key = ANY (%(date_keys)s)
    AND (fact.date_key, fact.transaction_id, fact.line_id) = (staged.date_key, staged.transaction_id, staged.line_id);
ANALYZE classified_sales;
