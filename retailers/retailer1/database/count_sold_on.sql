-- How many lines the listing of a date has.
SELECT count(*) FROM pos_sales
WHERE sale_date = %(day)s AND NOT withdrawn
  AND booked_from <= %(now)s AND (booked_until IS NULL OR booked_until > %(now)s)
