-- Grain: one row per version of a file that is listed for the first time; re-runnable by its key.
INSERT INTO ops.dropped_files (
    retailer_id, place, version, file_name, size_bytes, modified_at, status, is_listed, first_listed_at
)
SELECT %(retailer_id)s, place, version, file_name, size_bytes, modified_at, 'waiting', true, %(now)s
FROM listing
ON CONFLICT (retailer_id, place, version) DO NOTHING
