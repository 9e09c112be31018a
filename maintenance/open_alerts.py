"""Alerts of a kind that are open, to resolve those whose cause is gone: of a date, or of a source as a whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from maintenance.task import TaskContext
from monitoring.alerts import resolve_alerts
from shared.database import Connection, read_sql, transaction

_ALERTS = Path(__file__).parent / "sql" / "open_alerts.sql"


@dataclass(frozen=True)
class OpenAlerts:
    """The alerts of a kind that are not resolved."""

    dates: frozenset[tuple[str, date]]
    """Retailer and business date of those about a date."""
    sources: frozenset[str]
    """The retailers with one about no single date."""

    def within(self, first: date, last: date) -> OpenAlerts:
        """Without those about other dates."""
        return replace(self, dates=frozenset(each for each in self.dates if first <= each[1] <= last))


def open_alerts(connection: Connection, kind: str) -> OpenAlerts:
    """The alerts of this kind that are not resolved."""
    with transaction(connection) as cursor:
        cursor.execute(read_sql(_ALERTS), {"kind": kind})
        found: list[tuple[str, date | None]] = cursor.fetchall()
    return OpenAlerts(
        frozenset((retailer_id, day) for retailer_id, day in found if day),
        frozenset(retailer_id for retailer_id, day in found if not day),
    )


def resolve(context: TaskContext, kind: str, retailer_id: str, day: date) -> int:
    """Resolve the alerts of this retailer and date; returns how many there were."""
    by = f"maintenance {context.run_id}"
    return resolve_alerts(
        context.dsn, kind=kind, retailer_id=retailer_id, business_date=day, by=by, clock=context.clock
    )


def resolve_task(context: TaskContext, kind: str, retailer_id: str, task_id: str) -> int:
    """Resolve the alerts of this retailer that name the task; returns how many there were."""
    by = f"maintenance {context.run_id}"
    return resolve_alerts(context.dsn, kind=kind, retailer_id=retailer_id, task_id=task_id, by=by, clock=context.clock)
