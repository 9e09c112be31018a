-- Grain: one row per known version of the files at these places.
SELECT place, version, status, first_listed_at, definition_digest, sha256, moved_to
FROM ops.dropped_files
WHERE retailer_id = %(retailer_id)s AND place = ANY (%(places)s)
