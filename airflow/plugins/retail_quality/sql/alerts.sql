-- Grain: an alert that matches the filters (null: any): unresolved first, then the most severe, then the latest.
SELECT
    alert_id,
    kind,
    severity,
    status,
    summary,
    detail,
    business_date,
    retailer_id,
    dag_id,
    run_id,
    task_id,
    occurrences,
    first_seen_at,
    last_seen_at,
    notified_at,
    acknowledged_at,
    acknowledged_by,
    resolved_at,
    resolved_by,
    note,
    count(*) FILTER (WHERE status <> 'resolved') OVER () AS unresolved
FROM ops.alerts
WHERE (%(id)s::bigint IS NULL OR alert_id = %(id)s)
    AND (%(day)s::date IS NULL OR business_date = %(day)s)
    AND (%(resolved)s OR status <> 'resolved')
ORDER BY
    status = 'resolved',
    array_position(ARRAY['critical', 'error', 'warning', 'info'], severity),
    last_seen_at DESC,
    alert_id DESC
LIMIT %(limit)s
