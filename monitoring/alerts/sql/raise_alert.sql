-- Grain: the one unresolved row of a cause. When it occurs again, it is counted and takes the latest text and the higher severity.
-- The row's lock decides who sends the message: only one of several concurrent callers gets `claimed`. It is sent
-- when nothing has reached a channel yet (and nobody has been trying for the last minute), and when the severity rises;
-- an acknowledged one is not sent again. Claims have the time of the database, because the clock of one machine may be
-- ahead of another's. A claim in the future, as earlier versions may have left it, keeps nobody from sending.
INSERT INTO ops.alerts AS kept (
    fingerprint, kind, severity, summary, detail, business_date, retailer_id, dag_id, run_id, task_id, link,
    first_seen_at, last_seen_at, claimed_at, claimed_in
)
VALUES (
    %(fingerprint)s, %(kind)s, %(severity)s, %(summary)s, %(detail)s, %(business_date)s, %(retailer_id)s, %(dag_id)s,
    %(run_id)s, %(task_id)s, %(link)s, %(now)s, %(now)s,
    CASE WHEN %(may_send)s THEN clock_timestamp() END, CASE WHEN %(may_send)s THEN txid_current() END
)
ON CONFLICT (fingerprint) WHERE status <> 'resolved' DO UPDATE SET
    occurrences = kept.occurrences + 1,
    summary = excluded.summary,
    detail = excluded.detail,
    run_id = excluded.run_id,
    task_id = excluded.task_id,
    link = excluded.link,
    last_seen_at = greatest(kept.last_seen_at, excluded.last_seen_at),
    severity = CASE
        WHEN array_position(%(severities)s, excluded.severity) > array_position(%(severities)s, kept.severity)
            THEN excluded.severity
        ELSE kept.severity
    END,
    (claimed_at, claimed_in, notified_at) = (
        SELECT
            CASE WHEN due THEN excluded.claimed_at ELSE kept.claimed_at END,
            CASE WHEN due THEN txid_current() ELSE kept.claimed_in END,
            CASE WHEN rises THEN NULL ELSE kept.notified_at END
        FROM (
            SELECT
                %(may_send)s AND kept.status = 'open' AND (
                    rises
                    OR kept.notified_at IS NULL
                    AND (kept.claimed_at BETWEEN clock_timestamp() - interval '1 minute' AND clock_timestamp()) IS NOT TRUE
                ) AS due,
                rises AND %(may_send)s AND kept.status = 'open' AS rises
            FROM (
                SELECT
                    array_position(%(severities)s, excluded.severity)
                    > array_position(%(severities)s, kept.severity) AS rises
            ) AS compared
        ) AS decided
    )
RETURNING *, claimed_in IS NOT DISTINCT FROM txid_current() AS claimed
