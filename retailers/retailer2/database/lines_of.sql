-- The lines of some orders. Grain: one line.
SELECT order_pk, line_ref, code, title, category, quantity, unit_amount, amount, withdrawn
FROM order_lines JOIN catalogue USING (entry_id)
WHERE order_pk = ANY (%(orders)s)
ORDER BY order_pk, position
