"""Alerts that are open, to resolve those whose cause is gone."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from maintenance.upkeep import Duty
from shared.alerts import resolve_alerts
from shared.database import Connection, read_sql, transaction

_OPEN = Path(__file__).parent / "sql" / "open_alerts.sql"


def open_alerts(connection: Connection, kind: str) -> set[tuple[str, date]]:
    """Retailer and business date of every alert of this kind that is not resolved."""
    with transaction(connection) as cursor:
        cursor.execute(read_sql(_OPEN), {"kind": kind})
        return {(retailer_id, day) for retailer_id, day in cursor.fetchall()}


def resolve(duty: Duty, kind: str, retailer_id: str, day: date) -> int:
    """The cause is gone: how many alerts that closed."""
    by = f"maintenance {duty.run_id}"
    return resolve_alerts(duty.dsn, kind=kind, retailer_id=retailer_id, business_date=day, by=by, clock=duty.clock)
