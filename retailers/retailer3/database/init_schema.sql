-- Minorista 3: asientos de caja con sus maestros; horas locales, sin zona.
-- Un asiento es un estado de una línea de tique. Se lee a una hora t:
-- vigente_desde <= t and (vigente_hasta is null or vigente_hasta > t).
-- SQL sencillo que puede ejecutarse de nuevo.

CREATE TABLE IF NOT EXISTS tiendas (
    codigo text PRIMARY KEY,
    nombre text NOT NULL,
    ciudad text
);

CREATE TABLE IF NOT EXISTS articulos (
    id_articulo integer PRIMARY KEY,
    ref         text NOT NULL,
    nombre      text NOT NULL,
    familia     text
);

CREATE TABLE IF NOT EXISTS clientes_historial (
    id_estado integer PRIMARY KEY,
    codigo    text NOT NULL,
    nombre    text,
    segmento  text,
    ciudad    text,
    pais      text NOT NULL,
    desde     timestamp
);

CREATE TABLE IF NOT EXISTS asientos (
    id_asiento      bigserial PRIMARY KEY,
    fecha_negocio   date NOT NULL,
    fecha_hora      timestamp NOT NULL,
    ticket          text NOT NULL,
    linea           smallint,
    orden           bigint NOT NULL,
    tipo            char(1) NOT NULL CHECK (tipo IN ('V', 'D', 'A')),
    vigente_desde   timestamptz NOT NULL,
    vigente_hasta   timestamptz,
    anulado         boolean NOT NULL DEFAULT false,
    repetido        boolean NOT NULL DEFAULT false,
    fecha_anterior  date,
    ticket_original text,
    cod_tienda      text NOT NULL REFERENCES tiendas,
    id_articulo     integer NOT NULL REFERENCES articulos,
    id_cliente      integer REFERENCES clientes_historial,
    cantidad        numeric(12) NOT NULL,
    precio          numeric(14, 3) NOT NULL,
    importe         numeric(16, 3) NOT NULL,
    moneda          char(3) NOT NULL
);
CREATE INDEX IF NOT EXISTS asientos_por_fecha ON asientos (fecha_negocio, fecha_hora, orden);
CREATE INDEX IF NOT EXISTS asientos_por_cambio ON asientos (vigente_desde, orden);

COMMENT ON TABLE asientos IS 'Un estado de una línea de tique, de vigente_desde a vigente_hasta';
COMMENT ON COLUMN asientos.tipo IS 'V venta, D devolución (importe negativo), A ajuste';
COMMENT ON COLUMN asientos.orden IS 'Orden de las líneas de un mismo minuto: el de ticket, linea';
COMMENT ON COLUMN asientos.repetido IS 'Hay otra línea igual antes; se entrega de nuevo, se cuenta una vez';
COMMENT ON COLUMN asientos.ticket_original IS 'En una devolución: el tique que se devuelve, si se conoce';
COMMENT ON TABLE clientes_historial IS 'Un estado de un cliente, a partir de desde (hora local)';
COMMENT ON TABLE articulos IS 'Un artículo con uno de los nombres que ha tenido';

CREATE SCHEMA IF NOT EXISTS simulation;
CREATE TABLE IF NOT EXISTS simulation.made_days (day date PRIMARY KEY);
CREATE TABLE IF NOT EXISTS simulation.made_from (origin text NOT NULL);
COMMENT ON TABLE simulation.made_days IS 'Fechas cuyas ventas están en las tablas';
COMMENT ON TABLE simulation.made_from IS 'Semilla y tamaño, o CSV, con que se llenaron las tablas';
