"""Alerts that are open, to resolve those whose cause is gone."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from maintenance.task import TaskContext
from monitoring.alerts import resolve_alerts
from shared.database import Connection, read_sql, transaction

_OPEN = Path(__file__).parent / "sql" / "open_alerts.sql"


def open_alerts(connection: Connection, kind: str) -> set[tuple[str, date]]:
    """Retailer and business date of every alert of this kind that is not resolved."""
    with transaction(connection) as cursor:
        cursor.execute(read_sql(_OPEN), {"kind": kind})
        return {(retailer_id, day) for retailer_id, day in cursor.fetchall()}


def resolve(context: TaskContext, kind: str, retailer_id: str, day: date) -> int:
    """Resolve the alerts of this retailer and date; returns how many there were."""
    by = f"maintenance {context.run_id}"
    return resolve_alerts(
        context.dsn, kind=kind, retailer_id=retailer_id, business_date=day, by=by, clock=context.clock
    )
