-- The summaries of the changed dates, written again from fact_sales, so it can run again. Grain: retailer x date x product
-- x store x currency x item type (fact_daily_sales), and retailer x date x store x currency (fact_daily_transactions).
DELETE FROM fact_daily_sales WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s);

INSERT INTO fact_daily_sales (
    date_key, retailer_key, product_key, store_key, currency, line_count, sold_quantity, returned_quantity, net_quantity,
    sales_amount, returns_amount, adjustment_amount, net_amount, item_type, discount_amount, tax_amount
)
SELECT
    date_key, retailer_key, product_key, store_key, currency,
    count(*),
    coalesce(sum(quantity) FILTER (WHERE line_type = 'sale' AND item_type = 'product'), 0),
    coalesce(sum(quantity) FILTER (WHERE line_type = 'return' AND item_type = 'product'), 0),
    coalesce(sum(net_quantity) FILTER (WHERE item_type = 'product'), 0),
    coalesce(sum(net_amount) FILTER (WHERE line_type = 'sale'), 0),
    coalesce(-sum(net_amount) FILTER (WHERE line_type = 'return'), 0),
    coalesce(sum(net_amount) FILTER (WHERE line_type = 'adjustment'), 0),
    sum(net_amount),
    item_type,
    sum(CASE WHEN line_type = 'return' OR net_amount < 0 THEN -discount_amount ELSE discount_amount END),
    coalesce(sum(net_tax_amount), 0)
FROM fact_sales
WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s)
GROUP BY date_key, retailer_key, product_key, store_key, currency, item_type;

DELETE FROM fact_daily_transactions WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s);

INSERT INTO fact_daily_transactions (date_key, retailer_key, store_key, currency, transaction_count, customer_count)
SELECT
    fact.date_key, fact.retailer_key, fact.store_key, fact.currency,
    count(DISTINCT fact.transaction_id),
    count(DISTINCT customer.customer_id) FILTER (WHERE customer.customer_id <> 'GUEST')
FROM fact_sales AS fact
JOIN dim_customer AS customer USING (customer_key)
WHERE fact.retailer_key = %(retailer_key)s
    AND fact.date_key = ANY (%(date_keys)s)
    AND fact.line_type = 'sale'
GROUP BY fact.date_key, fact.retailer_key, fact.store_key, fact.currency;
