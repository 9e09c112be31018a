-- Orders placed on a day, as of a time, after a position in that listing. Grain: one order.
SELECT orders.order_pk, order_ref, kind, placed_at, modified_at, currency, exponent, shops.shop_id, shops.title, shops.town,
       buyer_ref, full_name, tier, buyers.town, country, since_epoch, withdrawn, previous_day
FROM orders JOIN shops USING (shop_id) LEFT JOIN buyers USING (buyer_state)
WHERE trading_day = %(day)s AND NOT withdrawn AND (placed_at, order_pk) > (%(after_time)s, %(after_pk)s)
  AND modified_at <= %(now)s AND (superseded_at IS NULL OR superseded_at > %(now)s)
ORDER BY placed_at, order_pk
LIMIT %(limit)s
