-- Orders whose present state began at a time or later, after a place in that listing. Grain: one order.
SELECT orders.order_pk, order_ref, kind, placed_at, modified_at, currency, exponent, shops.shop_id, shops.title, shops.town,
       buyer_ref, full_name, tier, buyers.town, country, since_epoch, withdrawn, previous_day
FROM orders JOIN shops USING (shop_id) LEFT JOIN buyers USING (buyer_state)
WHERE modified_at >= %(since)s AND (modified_at, order_pk) > (%(after_time)s, %(after_pk)s)
  AND modified_at <= %(now)s AND (superseded_at IS NULL OR superseded_at > %(now)s)
ORDER BY modified_at, order_pk
LIMIT %(limit)s
