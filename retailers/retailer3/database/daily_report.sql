-- The control report: per currency, distinct lines and signed net total of a date.
SELECT moneda, count(*) AS lineas, sum(importe)::text AS neto FROM asientos
WHERE fecha_negocio = %(day)s AND NOT anulado AND NOT repetido AND vigente_desde <= %(now)s AND (vigente_hasta IS NULL OR vigente_hasta > %(now)s)
GROUP BY moneda ORDER BY moneda
