-- Grain: the versions that were waiting and are not there any more: a file that grew, or that was removed before it was
-- loaded. Nothing was decided about them. Re-runnable.
DELETE FROM ops.dropped_files
WHERE retailer_id = %(retailer_id)s AND status = 'waiting' AND NOT is_listed
