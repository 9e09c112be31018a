-- Grain: each unresolved alert about a failed run that had known causes, all of which are resolved.
UPDATE ops.alerts AS red
SET status = 'resolved', resolved_at = %(now)s, resolved_by = %(by)s
WHERE red.status <> 'resolved'
    AND red.kind = 'run_failed'
    AND red.business_date IS NOT NULL
    AND EXISTS (
        SELECT
        FROM ops.alerts AS cause
        WHERE cause.business_date = red.business_date
            AND cause.kind IN ('task_failed', 'missing_data', 'quality_violation', 'load_held')
            AND cause.resolved_at >= red.last_seen_at
    )
    AND NOT EXISTS (
        SELECT
        FROM ops.alerts AS cause
        WHERE cause.business_date = red.business_date
            AND cause.kind IN ('task_failed', 'missing_data', 'quality_violation', 'load_held')
            AND (cause.severity <> 'warning')
            AND cause.status <> 'resolved'
    )
RETURNING *
