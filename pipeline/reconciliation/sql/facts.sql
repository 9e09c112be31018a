-- The facts of some dates of a source, with the source's own identifiers. Reads only. Grain of fact_sales.
-- A key of another retailer, or of no member at all, is shown as such, so that it differs from every identifier.
SELECT
    {staged_columns:fact;
        product_id=coalesce(product.product_id, 'key ' || fact.product_key);
        store_id=coalesce(store.store_id, 'key ' || fact.store_key);
        customer_id=coalesce(customer.customer_id, 'key ' || fact.customer_key)
    }
FROM fact_sales AS fact
LEFT JOIN dim_product AS product USING (product_key, retailer_key)
LEFT JOIN dim_store AS store USING (store_key, retailer_key)
LEFT JOIN dim_customer AS customer USING (customer_key, retailer_key)
WHERE fact.retailer_key = %(retailer_key)s AND fact.date_key BETWEEN %(first_key)s AND %(last_key)s
