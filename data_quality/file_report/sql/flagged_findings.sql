-- Grain: rule: flagged rows, and the first of them as examples.
SELECT
    rule_code,
    count(*) AS flagged,
    min_by([business_date::VARCHAR, transaction_id], (business_date, transaction_id), $examples)
FROM flagged_rows GROUP BY ALL ORDER BY flagged DESC, rule_code;
