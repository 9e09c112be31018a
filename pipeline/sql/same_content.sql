-- Grain: at most one row: the latest decision about a content, of a dropped file or of one that a command loaded. A load
-- that was committed before its process was killed is known by ops.source_files only.
SELECT status, reason, file_name, decided_at, load_id, definition_digest
FROM (
    SELECT status, reason, file_name, decided_at, load_id, definition_digest
    FROM ops.dropped_files
    WHERE retailer_id = %(retailer_id)s AND sha256 = %(sha256)s AND status IN ('loaded', 'rejected')
    UNION ALL
    SELECT 'loaded', NULL, file_name, loaded_at, load_id, NULL
    FROM ops.source_files
    WHERE retailer_id = %(retailer_id)s AND sha256 = %(sha256)s
) AS decisions
ORDER BY status = 'loaded' DESC, decided_at DESC
LIMIT 1
