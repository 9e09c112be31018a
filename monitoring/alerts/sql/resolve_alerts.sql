-- Grain: each unresolved alert that matches all filters (null: any). When run again, it finds none.
UPDATE ops.alerts
SET status = 'resolved', resolved_at = %(now)s, resolved_by = %(by)s
WHERE status <> 'resolved'
    AND (%(kinds)s::text[] IS NULL OR kind = ANY (%(kinds)s::text[]))
    AND (%(severity)s IS NULL OR severity = %(severity)s)
    AND (%(retailer_id)s IS NULL OR retailer_id = %(retailer_id)s)
    AND (%(business_date)s::date IS NULL OR business_date = %(business_date)s::date)
    AND (%(dag_id)s IS NULL OR dag_id = %(dag_id)s)
    AND (%(task_id)s IS NULL OR task_id = %(task_id)s)
    AND (%(run_id)s IS NULL OR run_id = %(run_id)s)
    AND (%(last_seen_before)s::timestamptz IS NULL OR last_seen_at < %(last_seen_before)s::timestamptz)
RETURNING *
