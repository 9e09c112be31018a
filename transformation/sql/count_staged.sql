-- Rows and signed money of dates that are new to the star, as count_outcomes.sql counts them for others.
SELECT date_key, 'inserted' AS outcome, currency, count(*), sum(net_amount)
FROM staged_sales
GROUP BY date_key, currency;
