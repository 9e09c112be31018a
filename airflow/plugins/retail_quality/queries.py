"""Reads the warehouse for the page, as the reader role, in read-only transactions of a few statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from psycopg2.extras import RealDictCursor

from retail_quality.model import (
    Alert,
    Alerts,
    Check,
    Day,
    DayDetails,
    Overview,
    Partition,
    StageRun,
    by_date,
)
from shared.config import read_environment
from shared.database import Cursor, read_sql, session, transaction
from shared.postgres_settings import reader_dsn
from shared.sources.expected import FIRST_LOADS, expected_since

SQL = Path(__file__).parent / "sql"
SERVER_SETTINGS = {"default_transaction_read_only": "on", "statement_timeout": "10s", "jit": "off"}
"""Nothing can be changed, nothing runs for long; compiling these queries takes longer than running them."""
AT_ONCE = 4
"""Connections at most; the API server would open forty."""
MOST_ALERTS = 100


def configured_dsn() -> str:
    """The connection of the reader role. Raises FixConfiguration."""
    return reader_dsn(read_environment())


class LedgerReader:
    """The warehouse, for reading."""

    def __init__(self, dsn: Callable[[], str] = configured_dsn) -> None:
        self._dsn = cache(dsn)
        self._seats = BoundedSemaphore(AT_ONCE)

    def overview(self, days: int) -> Overview:
        """The last `days` business dates, up to the last one known, and the unresolved alerts."""
        with self._reading() as cursor:
            rows = _rows(cursor, "days", day=None, days=days)
            alerts = _alerts(cursor)
            if not rows:
                return Overview((), alerts)
            ledger = _ledger(cursor, rows[-1]["business_date"], rows[0]["business_date"])
            since = _expected_since(cursor)
        found = [Day.of(row, ledger.get(row["business_date"], ()), since) for row in rows]
        while found and not found[-1].is_known:  # nothing is missing before the first date
            found.pop()
        return Overview(tuple(found), alerts)

    def day(self, day: date) -> DayDetails:
        """One business date, known or not."""
        with self._reading() as cursor:
            (row,) = _rows(cursor, "days", day=day, days=1)
            ledger = _ledger(cursor, day, day)
            since = _expected_since(cursor)
            found = (_with_remedy(Check(**each)) for each in _rows(cursor, "checks", day=day))
            checks = tuple(each for each in found if each.retailer_id is None or each.retailer_id in row["outcomes"])
            stages = tuple(StageRun(**each) for each in _rows(cursor, "stages", day=day))
            alerts = _alerts(cursor, day=day, resolved=True)
        return DayDetails(Day.of(row, ledger.get(day, ()), since), checks, stages, alerts)

    def alerts(self) -> Alerts:
        """Unresolved alerts, then resolved ones, the latest."""
        with self._reading() as cursor:
            return _alerts(cursor, resolved=True)

    def alert(self, number: int) -> Alert | None:
        """One alert."""
        with self._reading() as cursor:
            return next(iter(_alerts(cursor, number=number, resolved=True).shown), None)

    @contextmanager
    def _reading(self) -> Iterator[Cursor]:
        with (
            self._seats,
            session(self._dsn(), application_name="retail-quality-page", settings=SERVER_SETTINGS) as connection,
        ):
            connection.cursor_factory = RealDictCursor
            with transaction(connection) as cursor:
                yield cursor


def _rows(cursor: Cursor, query: str | Path, **values: Any) -> list[dict[str, Any]]:
    """The rows of a query of the page, by its name, or of another one, by its file."""
    cursor.execute(read_sql(SQL / f"{query}.sql" if isinstance(query, str) else query), values)
    found: Any = cursor.fetchall()
    return [dict(row) for row in found]


def _ledger(cursor: Cursor, first: date, last: date) -> dict[date, list[Partition]]:
    return by_date(Partition.of(row) for row in _rows(cursor, "ledger", first=first, last=last))


def _expected_since(cursor: Cursor) -> dict[str, date]:
    """The first date that can be missing of each source."""
    rows = _rows(cursor, FIRST_LOADS, retailers=None)
    starts = {row["retailer_id"]: row["start_date"] for row in rows}
    return expected_since(starts, {row["retailer_id"]: row["business_date"] for row in rows})


def _alerts(cursor: Cursor, *, day: date | None = None, number: int | None = None, resolved: bool = False) -> Alerts:
    rows = _rows(cursor, "alerts", day=day, id=number, resolved=resolved, limit=MOST_ALERTS)
    unresolved = rows[0]["unresolved"] if rows else 0
    columns = Alert.__dataclass_fields__
    return Alerts(tuple(Alert(**{name: row[name] for name in columns}) for row in rows), unresolved)


def _with_remedy(check: Check) -> Check:
    """The message ends with the remedy, which the page shows separately."""
    remedy = _remedies().get(check.check_name, "")
    if not remedy or not check.message.endswith(f". {remedy}."):
        return check
    return replace(check, message=check.message.removesuffix(f" {remedy}."), remedy=f"{remedy}.")


@cache
def _remedies() -> dict[str, str]:
    from data_quality.quality_checks import load_checks

    return {check.name: check.remedy for check in load_checks()}
