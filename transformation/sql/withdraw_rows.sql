-- Rows of the loaded partitions that these no longer hold leave the star; counted per date, cause and currency.
WITH removed AS (
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
SELECT
    removed.date_key,
    -- Still landed here, but a later version stands under another date: superseded, not withdrawn.
    CASE WHEN superseded.date_key IS NULL THEN 'withdrawn' ELSE 'superseded' END AS cause,
    removed.currency, count(*), sum(removed.net_amount)
FROM removed
LEFT JOIN classified_sales AS superseded USING (date_key, transaction_id, line_id)
GROUP BY removed.date_key, cause, removed.currency;
