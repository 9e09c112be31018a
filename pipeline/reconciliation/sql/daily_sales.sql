-- The daily summaries of some dates of a source, with the source's own identifiers. Reads only. Grain of fact_daily_sales.
SELECT
    summary.date_key,
    coalesce(product.product_id, 'key ' || summary.product_key),
    coalesce(store.store_id, 'key ' || summary.store_key),
    summary.currency, summary.line_count, summary.sold_quantity, summary.returned_quantity, summary.net_quantity,
    summary.sales_amount, summary.returns_amount, summary.adjustment_amount, summary.net_amount, summary.item_type,
    summary.discount_amount, summary.tax_amount
FROM fact_daily_sales AS summary
LEFT JOIN dim_product AS product USING (product_key, retailer_key)
LEFT JOIN dim_store AS store USING (store_key, retailer_key)
WHERE summary.retailer_key = %(retailer_key)s AND summary.date_key BETWEEN %(first_key)s AND %(last_key)s
