-- Grain: the alert of that number.
SELECT
    alert_id,
    kind,
    severity,
    status,
    summary,
    detail,
    retailer_id,
    business_date,
    dag_id,
    run_id,
    task_id,
    link,
    occurrences,
    first_seen_at,
    last_seen_at,
    notified_at,
    acknowledged_at,
    acknowledged_by,
    resolved_at,
    resolved_by,
    note,
    fingerprint
FROM ops.alerts
WHERE alert_id = %(id)s
