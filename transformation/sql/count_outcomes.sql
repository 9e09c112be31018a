-- Rows and signed money per partition, outcome and currency.
SELECT date_key, outcome, currency, count(*), sum(net_amount)
FROM classified_sales
GROUP BY date_key, outcome, currency;
