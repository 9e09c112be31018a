-- Show lines that were held back, modified now. The parameter is a list of ids, or null for all.
UPDATE asientos SET vigente_desde = %(now)s
WHERE vigente_desde = 'infinity' AND (%(held)s::bigint[] IS NULL OR id_asiento = ANY (%(held)s::bigint[]))
