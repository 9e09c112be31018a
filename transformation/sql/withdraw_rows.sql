-- Rows leave the star when their partition no longer holds them, or when a later version stands under another date.
DELETE FROM fact_sales AS fact
USING classified_sales AS gone
WHERE fact.retailer_key = %(retailer_key)s
    AND fact.date_key = ANY (%(date_keys)s)
    AND (fact.date_key, fact.transaction_id, fact.line_id) = (gone.date_key, gone.transaction_id, gone.line_id)
    AND (gone.outcome = 'withdrawn' OR (gone.outcome = 'superseded' AND gone.is_in_star));
