-- How many lines the listing of changes has.
SELECT count(*) FROM asientos
WHERE vigente_desde >= %(since)s AND vigente_desde <= %(now)s AND (vigente_hasta IS NULL OR vigente_hasta > %(now)s)
