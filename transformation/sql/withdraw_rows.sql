-- Rows of the loaded partitions that these no longer hold leave the star; counted per date and currency.
WITH withdrawn AS (
    DELETE FROM fact_sales AS fact
    WHERE fact.retailer_key = %(retailer_key)s
        AND fact.date_key = ANY (%(date_keys)s)
        AND NOT EXISTS (
            SELECT FROM classified_sales AS kept
            WHERE (kept.date_key, kept.transaction_id, kept.line_id) = (fact.date_key, fact.transaction_id, fact.line_id)
                AND kept.outcome <> 'superseded'
        )
    RETURNING fact.date_key, fact.transaction_id, fact.line_id, fact.currency, fact.net_amount
)
SELECT withdrawn.date_key, withdrawn.currency, count(*), sum(withdrawn.net_amount)
FROM withdrawn
WHERE NOT EXISTS (
    -- Still landed here, but a later version stands under another date: superseded, not withdrawn.
    SELECT FROM classified_sales AS superseded
    WHERE (superseded.date_key, superseded.transaction_id, superseded.line_id)
        = (withdrawn.date_key, withdrawn.transaction_id, withdrawn.line_id)
)
GROUP BY withdrawn.date_key, withdrawn.currency;
