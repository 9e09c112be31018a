-- How many lines the listing of a date has.
SELECT count(*) FROM asientos
WHERE fecha_negocio = %(day)s AND NOT anulado AND vigente_desde <= %(now)s AND (vigente_hasta IS NULL OR vigente_hasta > %(now)s)
