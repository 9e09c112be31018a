-- SCD 1, grain and key of dim_product. In key order, so that concurrent loads never deadlock.
-- The greatest (attributes_as_of, attributes) ever loaded is kept, so the order of loads does not matter.
INSERT INTO dim_product AS known (retailer_key, product_id, product_name, category, attributes_as_of)
SELECT %(retailer_key)s, product_id, product_name, product_category, product_as_of
FROM incoming_products
ORDER BY product_id
ON CONFLICT (retailer_key, product_id) DO UPDATE SET
    product_name = excluded.product_name,
    category = excluded.category,
    attributes_as_of = excluded.attributes_as_of
WHERE (excluded.attributes_as_of, excluded.product_name COLLATE "C", excluded.category COLLATE "C")
    > (known.attributes_as_of, known.product_name COLLATE "C", known.category COLLATE "C");
