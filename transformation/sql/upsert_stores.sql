-- SCD 1, grain and key of dim_store. In key order, so that concurrent loads never deadlock.
-- The greatest (attributes_as_of, attributes) ever loaded is kept, so the order of loads does not matter.
INSERT INTO dim_store AS known (retailer_key, store_id, store_name, city, country, attributes_as_of)
SELECT %(retailer_key)s, store_id, store_name, store_city, store_country, store_as_of
FROM incoming_stores
ORDER BY store_id
ON CONFLICT (retailer_key, store_id) DO UPDATE SET
    store_name = excluded.store_name,
    city = excluded.city,
    country = excluded.country,
    attributes_as_of = excluded.attributes_as_of
WHERE (
    excluded.attributes_as_of, coalesce(excluded.store_name, '') COLLATE "C",
    coalesce(excluded.city, '') COLLATE "C", coalesce(excluded.country, '') COLLATE "C"
) > (
    known.attributes_as_of, coalesce(known.store_name, '') COLLATE "C",
    coalesce(known.city, '') COLLATE "C", coalesce(known.country, '') COLLATE "C"
);
