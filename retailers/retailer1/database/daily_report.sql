-- The control report: per currency, distinct lines and signed net total of a date.
SELECT currency, count(*) AS line_count, sum(line_total)::text AS net_total FROM pos_sales
WHERE sale_date = %(day)s AND NOT withdrawn AND NOT repeated
  AND booked_from <= %(now)s AND (booked_until IS NULL OR booked_until > %(now)s)
GROUP BY currency ORDER BY currency
