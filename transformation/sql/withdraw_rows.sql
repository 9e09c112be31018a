-- Deletes the rows that their partition no longer holds, and those of which a later version is under another date.
-- Grain and key of fact_sales; runs again without effect.
DELETE FROM fact_sales AS fact
USING classified_sales AS removed
WHERE fact.retailer_key = %(retailer_key)s
    AND fact.date_key = ANY (%(date_keys)s)
    AND (fact.date_key, fact.transaction_id, fact.line_id) = (removed.date_key, removed.transaction_id, removed.line_id)
    AND (removed.outcome = 'withdrawn' OR (removed.outcome = 'superseded' AND removed.is_in_facts));
