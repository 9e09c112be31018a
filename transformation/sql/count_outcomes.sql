-- Rows and signed money and tax per date, outcome and currency, and whether fact_sales has to be written for them.
SELECT
    date_key, outcome, currency, count(*), sum(net_amount), coalesce(sum(net_tax_amount), 0),
    bool_or(outcome IN ('inserted', 'updated', 'withdrawn') OR (outcome = 'superseded' AND is_in_facts)) AS is_written
FROM classified_sales
GROUP BY date_key, outcome, currency;
