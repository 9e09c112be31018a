"""Alerts of a kind that are open, to resolve those whose cause is gone: of a date, or of a source as a whole."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from maintenance.task import TaskContext
from monitoring.alerts import resolve_alerts
from shared.database import Connection, read_sql, transaction

_ALERTS = Path(__file__).parent / "sql" / "open_alerts.sql"


def open_alerts(connection: Connection, kind: str) -> set[tuple[str, date]]:
    """Retailer and business date of every alert of this kind that is not resolved."""
    return {(retailer_id, day) for retailer_id, day in _open(connection, kind) if day}


def sources_with_alert(connection: Connection, kind: str) -> set[str]:
    """The retailers with an alert of this kind that is about no single date and not resolved."""
    return {retailer_id for retailer_id, day in _open(connection, kind) if not day}


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


def _open(connection: Connection, kind: str) -> list[tuple[str, date | None]]:
    with transaction(connection) as cursor:
        cursor.execute(read_sql(_ALERTS), {"kind": kind})
        return cursor.fetchall()
