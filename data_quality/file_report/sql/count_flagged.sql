-- One row: distinct records with a flag, and those with a flag that makes them doubtful ($doubtful: rule codes).
SELECT
    count(DISTINCT hash(transaction_id, line_id)) AS flagged,
    count(DISTINCT hash(transaction_id, line_id)) FILTER (rule_code IN $doubtful) AS doubtful
FROM flagged_rows;
