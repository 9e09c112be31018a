"""Raises and resolves alerts and sends announcements. An alert is stored first and sent afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

from monitoring.alerts import messages, table
from monitoring.alerts.channels import Channel, read_channels
from monitoring.alerts.delivery import deliver, deliver_each
from monitoring.alerts.messages import AlertMessage
from monitoring.alerts.model import Alert, rank
from shared.errors import RetailError
from shared.logs import get_logger

log = get_logger(__name__)
Clock = Callable[[], datetime]


def raise_alert(dsn: str, alert: Alert, *, clock: Clock, channels: Sequence[Channel] | None = None) -> int:
    """Store the alert and send it to the channels: once when it opens, and again when its severity rises.

    Returns its number, or 0 when the warehouse could not be reached; the message is sent in both cases. Never
    raises because of the warehouse or a channel. `channels` default to those of ALERT_CHANNELS.
    """
    channels = read_channels() if channels is None else channels
    try:
        with table.alerts_transaction(dsn) as cursor:
            row = table.raise_row(cursor, alert, clock(), may_send=any(each.wants(alert.severity) for each in channels))
    except RetailError as error:
        report = log.warning if channels else log.info  # without any, the error that the command shows says it all
        report("alert not kept", summary=alert.summary, reason=str(error))
        deliver(messages.opening(_unkept(alert, clock())), channels)
        return 0
    log.info("alert", alert_id=row["alert_id"], kind=alert.kind, severity=alert.severity, status=row["status"])
    if row["claimed"]:
        _send(dsn, row, channels, clock)
    return int(row["alert_id"])


def _unkept(alert: Alert, now: datetime) -> table.Row:
    values = {name: getattr(alert, name) for name in alert.__dataclass_fields__}
    return {**values, "occurrences": 1, "first_seen_at": now}


def _send(dsn: str, row: table.Row, channels: Sequence[Channel], clock: Clock) -> None:
    message = messages.opening(row)
    wanted = [each for each in channels if each.wants(message.severity)]
    failed = deliver(message, wanted)
    try:
        with table.alerts_transaction(dsn) as cursor:
            table.finish_claim(cursor, row, clock(), delivered=len(failed) < len(wanted))
    except RetailError as error:
        log.warning("could not record that the alert was sent", alert_id=row["alert_id"], reason=str(error))


def resolve_alerts(
    dsn: str,
    *,
    kind: str | Sequence[str] | None = None,
    severity: str | None = None,
    retailer_id: str | None = None,
    business_date: date | None = None,
    dag_id: str | None = None,
    task_id: str | None = None,
    run_id: str | None = None,
    last_seen_before: datetime | None = None,
    by: str,
    clock: Clock,
    channels: Sequence[Channel] | None = None,
) -> int:
    """The cause of these alerts is gone: close them, and send one message to the channels that received them.

    A filter that is None is ignored. At least one is required; `kind` may be several. Returns how many were closed.
    Raises RetryLater or FixConfiguration when the warehouse cannot be reached, never because of a channel.
    """
    filters = {
        "kinds": [kind] if isinstance(kind, str) else list(kind or ()) or None,
        "severity": severity,
        "retailer_id": retailer_id,
        "business_date": business_date,
        "dag_id": dag_id,
        "task_id": task_id,
        "run_id": run_id,
        "last_seen_before": last_seen_before,
    }
    if not any(filters.values()):
        raise ValueError("resolve_alerts without a filter would close all of them")
    with table.alerts_transaction(dsn) as cursor:
        rows = table.query(cursor, "resolve_alerts", **filters, by=by, now=clock())
    announce_resolved(rows, by, channels)
    return len(rows)


def announce_resolved(rows: Sequence[table.Row], by: str, channels: Sequence[Channel] | None = None) -> None:
    """Send one message for the resolved alerts that had been sent."""
    sent = sorted((row for row in rows if row["notified_at"]), key=lambda row: rank(row["severity"]))
    for row in rows:
        log.info("alert resolved", alert_id=row["alert_id"], kind=row["kind"], by=by)
    if sent:
        channels = read_channels() if channels is None else channels
        each = [
            (messages.ending([row], by), channel) for channel in channels if channel.keeps_incidents for row in sent
        ]
        together = [(messages.ending(sent, by), channel) for channel in channels if not channel.keeps_incidents]
        deliver_each([*together, *each])


def announce(message: AlertMessage, channels: Sequence[Channel] | None = None) -> None:
    """Send a message that is not an alert, such as a retry or a run that succeeded. Never raises."""
    deliver(message, read_channels() if channels is None else channels)
