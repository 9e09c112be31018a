-- How many orders the listing of a day has.
SELECT count(*) FROM orders
WHERE trading_day = %(day)s AND NOT withdrawn AND modified_at <= %(now)s AND (superseded_at IS NULL OR superseded_at > %(now)s)
