-- Lines sold on a date, as of a time, after a position in that listing. Grain: one line.
SELECT sale_id, line_no, txn_type, sold_at, booked_from AT TIME ZONE 'UTC' AS last_modified,
       store_code, store_name, store_city, store_state, sku, product_name, department,
       customer_no, customer_name, customer_segment, customer_city, customer_state, customer_country,
       customer_updated_at AT TIME ZONE 'UTC' AS customer_updated_at,
       qty, unit_price::text AS unit_price, line_total::text AS line_total, currency,
       withdrawn AS deleted, previous_date, sold_at, place
FROM pos_sales
WHERE sale_date = %(day)s AND NOT withdrawn AND (sold_at, place) > (%(after_time)s, %(after_place)s)
  AND booked_from <= %(now)s AND (booked_until IS NULL OR booked_until > %(now)s)
ORDER BY sold_at, place
OFFSET %(offset)s LIMIT %(limit)s
