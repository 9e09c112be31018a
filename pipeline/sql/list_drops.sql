-- Grain: one row per version of a file of the source, the latest first.
SELECT
    file_name, place, status, reason, size_bytes, modified_at, first_listed_at, decided_at, load_id, moved_to, is_listed
FROM ops.dropped_files
WHERE retailer_id = %(retailer_id)s AND status = ANY (%(statuses)s)
ORDER BY coalesce(decided_at, first_listed_at) DESC, place, version
LIMIT %(limit)s
