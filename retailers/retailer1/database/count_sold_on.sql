-- How many lines the listing of a date has, and when that may change next.
SELECT count(*) FILTER (
           WHERE NOT withdrawn AND booked_from <= %(now)s AND (booked_until IS NULL OR booked_until > %(now)s)
       ) AS lines,
       least(
           min(booked_from) FILTER (WHERE booked_from > %(now)s AND booked_from < 'infinity'),
           min(booked_until) FILTER (WHERE booked_until > %(now)s)
       ) AS next_change_at
FROM pos_sales WHERE sale_date = %(day)s
