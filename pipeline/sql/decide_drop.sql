-- Grain: the row of one version of a file; re-runnable by its key.
UPDATE ops.dropped_files
SET status = %(status)s,
    reason = %(reason)s,
    sha256 = coalesce(%(sha256)s, sha256),
    load_id = %(load_id)s,
    run_id = %(run_id)s,
    definition_digest = %(definition_digest)s,
    decided_at = %(decided_at)s
WHERE retailer_id = %(retailer_id)s AND place = %(place)s AND version = %(version)s
