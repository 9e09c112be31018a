-- What a built month holds of the retailer's dates, read from the table itself. Grain: date x currency.
SELECT date_key, currency, count(*), sum(net_amount), coalesce(sum(net_tax_amount), 0)
FROM {build}
WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s)
GROUP BY date_key, currency;
