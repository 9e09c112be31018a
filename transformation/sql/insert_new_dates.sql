-- Inserts the rows of dates that fact_sales holds nothing of, and whose transactions are under no other date: all are new.
-- Grain of fact_sales; its primary key stops a second run. A row whose dimension rows are missing is left out, which the
-- caller notices by the count.
INSERT INTO fact_sales ({fact_columns})
SELECT
    {fact_columns:staged;
        retailer_key=%(retailer_key)s;
        load_id=%(load_id)s;
        product_key=product.product_key;
        customer_key=customer.customer_key;
        store_key=store.store_key
    }
FROM staged_sales AS staged
JOIN dim_product AS product ON product.retailer_key = %(retailer_key)s AND product.product_id = staged.product_id
JOIN dim_store AS store ON store.retailer_key = %(retailer_key)s AND store.store_id = staged.store_id
JOIN customer_keys AS customer
    ON customer.customer_id = staged.customer_id
    AND staged.sold_at >= customer.starts_at
    AND staged.sold_at < customer.valid_to
ORDER BY staged.date_key, staged.transaction_id, staged.line_id;
