-- How many lines the listing of a date has, and when that may change next.
SELECT count(*) FILTER (
           WHERE NOT anulado AND vigente_desde <= %(now)s AND (vigente_hasta IS NULL OR vigente_hasta > %(now)s)
       ) AS lineas,
       least(
           min(vigente_desde) FILTER (WHERE vigente_desde > %(now)s AND vigente_desde < 'infinity'),
           min(vigente_hasta) FILTER (WHERE vigente_hasta > %(now)s)
       ) AS proximo_cambio
FROM asientos WHERE fecha_negocio = %(day)s
