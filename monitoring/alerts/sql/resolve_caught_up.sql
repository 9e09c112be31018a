-- Grain: each unresolved alert about a retailer's date that has been published since: missing data with any load,
-- a failed task of the retailer with a load after its last failure, whichever run published it; and about a held load
-- that waits no more, because it was decided or superseded.
UPDATE ops.alerts AS alerts
SET status = 'resolved', resolved_at = %(now)s, resolved_by = %(by)s
WHERE alerts.status <> 'resolved'
    AND (
        alerts.kind IN ('missing_data', 'task_failed')
        AND EXISTS (
            SELECT
            FROM ops.load_ledger AS ledger
            WHERE ledger.retailer_id = alerts.retailer_id
                AND ledger.business_date = alerts.business_date
                AND (alerts.kind = 'missing_data' OR ledger.recorded_at > alerts.last_seen_at)
        )
        OR alerts.kind = 'load_held'
        AND NOT EXISTS (
            SELECT
            FROM ops.held_loads AS held
            WHERE held.retailer_id = alerts.retailer_id
                AND held.business_date = alerts.business_date
                AND held.status = 'waiting'
        )
    )
RETURNING *
