"""What an operator does with alerts: acknowledges and resolves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from monitoring.alerts import table
from monitoring.alerts.alerting import Clock, announce_resolved
from monitoring.alerts.channels import Channel
from shared.database import Cursor


@dataclass
class Outcome:
    """What happened to the named alerts."""

    done: list[int] = field(default_factory=list)
    rejected: dict[int, str] = field(default_factory=dict)
    """Alerts that were not changed, each with the reason."""


@dataclass(frozen=True)
class Operator:
    """Who changes the alerts, and why."""

    name: str
    note: str | None = None


def acknowledge(dsn: str, ids: Sequence[int], operator: Operator, *, clock: Clock) -> Outcome:
    """Acknowledge alerts: they stay open, but are not sent again. Raises RetryLater or FixConfiguration."""
    with table.alerts_transaction(dsn) as cursor:
        return _change(cursor, "acknowledge", ids, operator, clock)[0]


def resolve(
    dsn: str, ids: Sequence[int], operator: Operator, *, clock: Clock, channels: Sequence[Channel] | None = None
) -> Outcome:
    """Resolve alerts, and send a message to the channels that received them. Raises RetryLater or FixConfiguration."""
    with table.alerts_transaction(dsn) as cursor:
        outcome, rows = _change(cursor, "resolve_manually", ids, operator, clock)
    announce_resolved(rows, operator.name, channels)
    return outcome


def _change(
    cursor: Cursor, statement: str, ids: Sequence[int], operator: Operator, clock: Clock
) -> tuple[Outcome, list[table.Row]]:
    known = {row["alert_id"]: row for row in table.query(cursor, "statuses", ids=list(ids))}
    outcome = Outcome()
    for each in dict.fromkeys(ids):
        if each not in known:
            outcome.rejected[each] = f"Alert {each} does not exist. List all alerts: retail alerts list --all"
        elif known[each]["status"] == "resolved":
            since = f"{known[each]['resolved_at']:%Y-%m-%d %H:%M} UTC"
            outcome.rejected[each] = f"Alert {each} was already resolved on {since}, by {known[each]['resolved_by']}."
        else:
            outcome.done.append(each)
    values = {"ids": outcome.done, "by": operator.name, "note": operator.note, "now": clock()}
    return outcome, table.query(cursor, statement, **values)
