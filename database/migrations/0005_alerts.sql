-- depends: 0004_reader_sees_dead_letters
-- What somebody has to look at, until it is gone. Schema ops; the loader writes, the reader reads.

CREATE TABLE ops.alerts (
    alert_id        bigint GENERATED ALWAYS AS IDENTITY,
    fingerprint     text NOT NULL,
    kind            text NOT NULL,
    severity        text NOT NULL,
    status          text NOT NULL DEFAULT 'open',
    summary         text NOT NULL,
    detail          text NOT NULL DEFAULT '',
    business_date   date,
    retailer_id     text,
    dag_id          text,
    run_id          text,
    task_id         text,
    link            text,
    occurrences     integer NOT NULL DEFAULT 1,
    first_seen_at   timestamptz NOT NULL,
    last_seen_at    timestamptz NOT NULL,
    notified_at     timestamptz,
    claimed_at      timestamptz,
    claimed_in      bigint,
    acknowledged_at timestamptz,
    acknowledged_by text,
    resolved_at     timestamptz,
    resolved_by     text,
    note            text,
    CONSTRAINT pk_alerts PRIMARY KEY (alert_id),
    CONSTRAINT ck_alerts_severity CHECK (severity IN ('info', 'warning', 'error', 'critical')),
    CONSTRAINT ck_alerts_status CHECK (status IN ('open', 'acknowledged', 'resolved')),
    CONSTRAINT ck_alerts_resolved CHECK ((status = 'resolved') = (resolved_at IS NOT NULL))
);
CREATE UNIQUE INDEX uq_alerts_unresolved ON ops.alerts (fingerprint) WHERE status <> 'resolved';
CREATE INDEX ix_alerts_business_date ON ops.alerts (business_date);
COMMENT ON TABLE ops.alerts IS 'Grain: one row per cause and time it lasted. The same cause again, while unresolved, is the same row.';
COMMENT ON COLUMN ops.alerts.alert_id IS 'Surrogate key.';
COMMENT ON COLUMN ops.alerts.fingerprint IS 'What makes two alerts the same cause: kind, retailer, date, task or check.';
COMMENT ON COLUMN ops.alerts.kind IS 'task_failed, run_failed, run_late, missing_data, quality_violation, reconciliation or test.';
COMMENT ON COLUMN ops.alerts.severity IS 'info, warning, error or critical.';
COMMENT ON COLUMN ops.alerts.status IS 'open, acknowledged (somebody looks into it) or resolved.';
COMMENT ON COLUMN ops.alerts.summary IS 'What happened, one line.';
COMMENT ON COLUMN ops.alerts.detail IS 'The reason and what to do.';
COMMENT ON COLUMN ops.alerts.business_date IS 'Business date it is about.';
COMMENT ON COLUMN ops.alerts.retailer_id IS 'Retailer it is about; null for all or none.';
COMMENT ON COLUMN ops.alerts.dag_id IS 'DAG it happened in.';
COMMENT ON COLUMN ops.alerts.run_id IS 'Run that last met it.';
COMMENT ON COLUMN ops.alerts.task_id IS 'Task that last met it.';
COMMENT ON COLUMN ops.alerts.link IS 'Page of Airflow that shows where it was met.';
COMMENT ON COLUMN ops.alerts.occurrences IS 'How often it was met.';
COMMENT ON COLUMN ops.alerts.first_seen_at IS 'When it was first met.';
COMMENT ON COLUMN ops.alerts.last_seen_at IS 'When it was last met.';
COMMENT ON COLUMN ops.alerts.notified_at IS 'When a message about it last reached a channel; null when none did.';
COMMENT ON COLUMN ops.alerts.claimed_at IS 'When somebody set out to send the message; of two at once, one.';
COMMENT ON COLUMN ops.alerts.claimed_in IS 'Transaction that set out to send it.';
COMMENT ON COLUMN ops.alerts.acknowledged_at IS 'When somebody took it on.';
COMMENT ON COLUMN ops.alerts.acknowledged_by IS 'Who took it on.';
COMMENT ON COLUMN ops.alerts.resolved_at IS 'When it was over.';
COMMENT ON COLUMN ops.alerts.resolved_by IS 'Who or what ended it: a person, or the run in which the cause was gone.';
COMMENT ON COLUMN ops.alerts.note IS 'What the person wrote who acknowledged or resolved it.';

GRANT SELECT, INSERT, UPDATE ON ops.alerts TO retail_user;
GRANT SELECT ON ops.alerts TO retail_reader;
