-- The control report: per currency, distinct lines and signed net total of a day, in units of 10^-3.
SELECT currency, count(*) AS lines,
       sum(CASE kind WHEN 2 THEN -amount ELSE amount END * CASE exponent WHEN 2 THEN 10 ELSE 1 END)::bigint AS net
FROM orders JOIN order_lines USING (order_pk)
WHERE trading_day = %(day)s AND NOT orders.withdrawn AND NOT order_lines.withdrawn AND NOT repeated
  AND modified_at <= %(now)s AND (superseded_at IS NULL OR superseded_at > %(now)s)
GROUP BY currency ORDER BY currency
