-- Rows and signed money per partition, outcome and currency; and whether the star has to be written for them.
SELECT
    date_key, outcome, currency, count(*), sum(net_amount),
    bool_or(outcome IN ('inserted', 'updated', 'withdrawn') OR (outcome = 'superseded' AND is_in_star)) AS is_written
FROM classified_sales
GROUP BY date_key, outcome, currency;
