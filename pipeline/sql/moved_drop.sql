-- Grain: the row of one version of a file; re-runnable by its key.
UPDATE ops.dropped_files
SET moved_to = %(moved_to)s, is_listed = false
WHERE retailer_id = %(retailer_id)s AND place = %(place)s AND version = %(version)s
