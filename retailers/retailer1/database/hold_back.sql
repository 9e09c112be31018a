-- Hide the first line of a date until it is revealed.
UPDATE pos_sales SET booked_from = 'infinity'
WHERE row_id = (
    SELECT row_id FROM pos_sales
    WHERE sale_date = %(day)s AND NOT withdrawn AND NOT repeated
      AND booked_from <= %(now)s AND booked_until IS NULL AND previous_date IS NULL
    ORDER BY sold_at, place LIMIT 1
)
RETURNING row_id
