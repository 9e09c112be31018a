-- Hide the first order of a day until it is revealed. The time is the largest bigint.
UPDATE orders SET modified_at = 9223372036854775807
WHERE order_pk = (
    SELECT order_pk FROM orders
    WHERE trading_day = to_char(%(day)s, 'YYYYMMDD')::integer AND NOT withdrawn AND modified_at <= %(now)s AND superseded_at IS NULL
      AND previous_day IS NULL AND NOT EXISTS (SELECT FROM order_lines WHERE order_pk = orders.order_pk AND repeated)
    ORDER BY placed_at, order_pk LIMIT 1
)
RETURNING order_pk
