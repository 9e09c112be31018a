-- How many lines the listing of changes has.
SELECT count(*) FROM pos_sales
WHERE booked_from >= %(since)s
  AND booked_from <= %(now)s AND (booked_until IS NULL OR booked_until > %(now)s)
