-- What the daily summary holds of the dates now. Grain: date x currency.
SELECT date_key, currency, sum(line_count), sum(net_amount), sum(tax_amount)
FROM fact_daily_sales
WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s)
GROUP BY date_key, currency;
