-- What a load stores in addition to the facts of a month: the dates of transactions, customer observations, summaries.
INSERT INTO ops.transaction_dates
SELECT DISTINCT retailer_key, transaction_id, date_key FROM {partition};

INSERT INTO ops.customer_observations
SELECT retailer_key, customer_id, valid_from, date_key, customer_name, segment, city, country, changed_at
FROM (
    SELECT date_key, customer_key, max(source_changed_at) AS changed_at FROM {partition} GROUP BY date_key, customer_key
) AS observed
JOIN dim_customer USING (customer_key);

INSERT INTO fact_daily_sales
SELECT
    date_key, retailer_key, product_key, store_key, currency, count(*),
    coalesce(sum(quantity) FILTER (WHERE line_type = 'sale'), 0),
    coalesce(sum(quantity) FILTER (WHERE line_type = 'return'), 0),
    sum(net_quantity),
    coalesce(sum(total_amount) FILTER (WHERE line_type = 'sale'), 0),
    coalesce(sum(total_amount) FILTER (WHERE line_type = 'return'), 0),
    0, sum(net_amount), 'product', 0, 0
FROM {partition}
GROUP BY date_key, retailer_key, product_key, store_key, currency;

INSERT INTO fact_daily_transactions
SELECT date_key, retailer_key, store_key, currency, count(DISTINCT transaction_id), count(DISTINCT customer_key)
FROM {partition}
GROUP BY date_key, retailer_key, store_key, currency;
