-- Show orders that were held back, modified now. The parameter is a list of order_pk, or null for all.
UPDATE orders SET modified_at = %(now)s
WHERE modified_at = 9223372036854775807 AND (%(held)s::bigint[] IS NULL OR order_pk = ANY (%(held)s::bigint[]))
