-- Lines of any date whose present state began at a time or later. Grain: one line.
WITH elegidos AS (
    SELECT * FROM asientos
    WHERE vigente_desde >= %(since)s AND vigente_desde <= %(now)s AND (vigente_hasta IS NULL OR vigente_hasta > %(now)s)
    ORDER BY vigente_desde, orden
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
ORDER BY vigente_desde, orden
