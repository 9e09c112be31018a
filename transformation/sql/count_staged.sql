-- Rows and signed money and tax of dates that fact_sales holds nothing of, in the form of count_outcomes.sql.
-- Grain: date x currency.
SELECT date_key, 'inserted' AS outcome, currency, count(*), sum(net_amount), coalesce(sum(net_tax_amount), 0)
FROM staged_sales
GROUP BY date_key, currency;
