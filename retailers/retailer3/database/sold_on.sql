-- Lines sold on a date, as of a time, after a position in that listing. Grain: one line.
WITH elegidos AS (
    SELECT * FROM asientos
    WHERE fecha_negocio = %(day)s AND NOT anulado AND (fecha_hora, orden) > (%(after_time)s, %(after_place)s)
      AND vigente_desde <= %(now)s AND (vigente_hasta IS NULL OR vigente_hasta > %(now)s)
    ORDER BY fecha_hora, orden
    OFFSET %(offset)s LIMIT %(limit)s
)
SELECT ticket, linea, tipo, to_char(fecha_hora, 'DD/MM/YYYY HH24:MI'),
       to_char(vigente_desde AT TIME ZONE %(zone)s, 'DD/MM/YYYY HH24:MI'),
       tiendas.codigo, tiendas.nombre, tiendas.ciudad, ref, articulos.nombre, familia,
       clientes_historial.codigo, clientes_historial.nombre, segmento, clientes_historial.ciudad, pais,
       to_char(desde, 'DD/MM/YYYY HH24:MI'),
       cantidad::text, precio::text, importe::text, moneda, anulado, to_char(fecha_anterior, 'DD/MM/YYYY'),
       fecha_hora, orden
FROM elegidos
JOIN tiendas ON tiendas.codigo = cod_tienda
JOIN articulos USING (id_articulo)
LEFT JOIN clientes_historial ON id_estado = id_cliente
ORDER BY fecha_hora, orden
