-- Show lines that were held back, modified now. The parameter is a list of row ids, or null for all.
UPDATE pos_sales SET booked_from = %(now)s
WHERE booked_from = 'infinity' AND (%(held)s::bigint[] IS NULL OR row_id = ANY (%(held)s::bigint[]))
