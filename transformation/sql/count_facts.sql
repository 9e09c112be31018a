-- What fact_sales holds of the dates now. Grain: date x currency.
SELECT date_key, currency, count(*), sum(net_amount), coalesce(sum(net_tax_amount), 0)
FROM fact_sales
WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s)
GROUP BY date_key, currency;
