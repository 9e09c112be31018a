-- Hide the first line of a date until it is revealed.
UPDATE asientos SET vigente_desde = 'infinity'
WHERE id_asiento = (
    SELECT id_asiento FROM asientos
    WHERE fecha_negocio = %(day)s AND NOT anulado AND NOT repetido
      AND vigente_desde <= %(now)s AND vigente_hasta IS NULL AND fecha_anterior IS NULL
    ORDER BY fecha_hora, orden LIMIT 1
)
RETURNING id_asiento
