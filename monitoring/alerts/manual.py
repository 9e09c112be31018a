"""What a person does to alerts: takes them on, closes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from monitoring.alerts import table
from monitoring.alerts.alerting import Clock, say_resolved
from monitoring.alerts.channels import Channel
from shared.database import Cursor


@dataclass
class Outcome:
    """What became of the alerts that were named."""

    done: list[int] = field(default_factory=list)
    rejected: dict[int, str] = field(default_factory=dict)
    """Those left as they were, each with the reason."""


@dataclass(frozen=True)
class Person:
    """Who does it, and what for."""

    name: str
    note: str | None = None


def acknowledge(dsn: str, ids: Sequence[int], person: Person, *, clock: Clock) -> Outcome:
    """Take alerts on: they stay, and are silent. Raises RetryLater or FixConfiguration."""
    with table.books(dsn) as cursor:
        return _change(cursor, "acknowledge", ids, person, clock)[0]


def resolve(
    dsn: str, ids: Sequence[int], person: Person, *, clock: Clock, channels: Sequence[Channel] | None = None
) -> Outcome:
    """Close alerts, and tell those who were told of them. Raises RetryLater or FixConfiguration."""
    with table.books(dsn) as cursor:
        outcome, rows = _change(cursor, "resolve_manually", ids, person, clock)
    say_resolved(rows, person.name, channels)
    return outcome


def _change(
    cursor: Cursor, statement: str, ids: Sequence[int], person: Person, clock: Clock
) -> tuple[Outcome, list[table.Row]]:
    known = {row["alert_id"]: row for row in table.found(cursor, "statuses", ids=list(ids))}
    outcome = Outcome()
    for each in dict.fromkeys(ids):
        if each not in known:
            outcome.rejected[each] = f"There is no alert {each}. List them: retail alerts list --all"
        elif known[each]["status"] == "resolved":
            since = f"{known[each]['resolved_at']:%Y-%m-%d %H:%M} UTC"
            outcome.rejected[each] = (
                f"Alert {each} is resolved already, since {since}, by {known[each]['resolved_by']}."
            )
        else:
            outcome.done.append(each)
    values = {"ids": outcome.done, "by": person.name, "note": person.note, "now": clock()}
    return outcome, table.found(cursor, statement, **values)
