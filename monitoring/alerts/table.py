"""ops.alerts: one unresolved row per cause."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg2.extras import RealDictCursor

from monitoring.alerts.model import SEVERITIES, Alert
from shared.database import Cursor, connect, read_sql, transaction

Row = dict[str, Any]
SQL = Path(__file__).parent / "sql"
TIMEOUT_SECONDS = 3
"""For a server that does not respond and for locks: no run waits long for its alerts."""


@contextmanager
def alerts_transaction(dsn: str) -> Iterator[Cursor]:
    """A transaction with rows as dictionaries. Raises RetryLater or FixConfiguration within seconds."""
    limits = {"statement_timeout": f"{TIMEOUT_SECONDS}s"}
    with closing(
        connect(dsn, application_name="retail-alerts", timeout_seconds=TIMEOUT_SECONDS, settings=limits)
    ) as connection:
        connection.cursor_factory = RealDictCursor
        with transaction(connection) as cursor:
            yield cursor


def query(cursor: Cursor, statement: str, **values: Any) -> list[Row]:
    """The rows that `sql/{statement}.sql` returns."""
    cursor.execute(read_sql(SQL / f"{statement}.sql"), values)
    rows: Any = cursor.fetchall()
    return [dict(row) for row in rows]


def raise_row(cursor: Cursor, alert: Alert, now: datetime, *, may_send: bool) -> Row:
    """Insert the alert or count it; `claimed` in the row says whether the caller has to send the message."""
    values = {name: getattr(alert, name) for name in alert.__dataclass_fields__}
    return query(cursor, "raise_alert", **values, now=now, may_send=may_send, severities=list(SEVERITIES))[0]


def finish_claim(cursor: Cursor, row: Row, now: datetime, *, delivered: bool) -> None:
    """Record whether the message reached any channel."""
    values = {"alert_id": row["alert_id"], "claimed_in": row["claimed_in"], "delivered": delivered, "now": now}
    cursor.execute(read_sql(SQL / "finish_claim.sql"), values)
