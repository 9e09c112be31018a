"""The days of generated sales in a retailer's database: which exist, and generating the others.

The database holds all past and future states of a line, with the time from and until which each is valid. So a listing
depends on seed, date and clock only, and nothing has to run in the background.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

from retailers.archive.bulk_load import bulk_load
from retailers.archive.database import Database
from retailers.seeding.receipts import Entry, Receipt
from retailers.seeding.rhythm import FIRST_DAY
from retailers.seeding.sales import SalesGenerator

LAYOUT = 1
"""Increase it when tables or generator change: existing databases are then filled again."""

RECENT_DAYS = 30
_ALWAYS_THERE = tuple(date(2024, 1, 1) + timedelta(days=number) for number in range(31))
_LOCK = 7_203_411
_BOOKKEEPING = ("simulation.made_days", "simulation.made_from")
_MANY_LINES = 20_000
"""From this many lines on, it is faster to build the indexes of empty tables after filling them."""


class SalesTables(Protocol):
    """How one retailer's database stores sales."""

    @property
    def folder(self) -> Path:
        """The folder with the schema and the SQL statements."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the tables with sales and master data."""

    def entries(self, receipt: Receipt) -> list[Entry]:
        """The states of a receipt as this database stores them."""

    def write_masters(self, cursor: Cursor, generator: SalesGenerator) -> None:
        """Write the master data that sales refer to."""

    def write_entries(self, cursor: Cursor, entries: Iterable[Entry]) -> None:
        """Add states of receipts."""


class Archive:
    """The days of generated sales in one database. Safe for threads and for several processes."""

    def __init__(self, database: Database, tables: SalesTables, generator: SalesGenerator, schema: str) -> None:
        self._database, self._tables, self._generator = database, tables, generator
        self._schema = schema
        self._made: frozenset[date] = frozenset()
        self._lock = threading.Lock()

    def prepare(self, origin: str) -> bool:
        """Create missing tables. A database filled from another origin is emptied. True if it is empty now."""
        with self._database.transaction() as cursor:
            fresh = start_from(cursor, self._schema, self._tables, origin)
            if fresh:
                self._tables.write_masters(cursor, self._generator)
            return fresh

    def ensure(self, days: Sequence[date]) -> int:
        """Generate those days that are missing, all in one transaction. Returns how many were generated."""
        if all(day in self._made or day < FIRST_DAY for day in days):
            return 0
        wanted = sorted({day for day in days if day >= FIRST_DAY})
        with self._lock, self._database.transaction() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            cursor.execute("SELECT day FROM simulation.made_days")
            made = {row[0] for row in cursor}
            missing = [day for day in wanted if day not in made]
            if missing:
                many = not made and len(missing) * self._generator.lines_per_day > _MANY_LINES
                with bulk_load(cursor, self._tables.names) if many else nullcontext():
                    self._tables.write_entries(cursor, self._entries(missing, made))
                cursor.execute("INSERT INTO simulation.made_days (day) SELECT unnest(%s::date[])", (missing,))
        self._made = frozenset(made | set(missing))
        return len(missing)

    def _entries(self, days: Sequence[date], made: set[date]) -> Iterator[Entry]:
        """All states of receipts of those days, each once: a misdated receipt belongs to two days."""
        misdated: set[date] = set()
        for day in days:
            for receipt in self._generator.receipts(day):
                yield from self._tables.entries(receipt)
            if day + timedelta(days=1) not in made:
                misdated.add(day)
            if day - timedelta(days=1) not in made:
                misdated.add(day - timedelta(days=1))
        for day in sorted(misdated):
            for receipt in self._generator.misdated(day):
                yield from self._tables.entries(receipt)


def preloaded_days(today: date) -> list[date]:
    """The days that are generated at the start."""
    recent = [today - timedelta(days=number) for number in range(RECENT_DAYS + 1)]
    return sorted({day for day in (*_ALWAYS_THERE, *recent) if day <= today})


def start_from(cursor: Cursor, schema: str, tables: SalesTables, origin: str) -> bool:
    """Create the tables; tables filled from another origin are created again. True if they are empty now.

    The origin is compared together with `LAYOUT`, so a change of tables or generator empties them as well.
    """
    wanted = f"layout {LAYOUT}, {origin}"
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    if _origin(cursor) == wanted:
        cursor.execute(schema)
        return False
    cursor.execute(f"DROP TABLE IF EXISTS {', '.join((*tables.names, *_BOOKKEEPING))}")
    cursor.execute(schema)
    cursor.execute("INSERT INTO simulation.made_from (origin) VALUES (%s)", (wanted,))
    return True


def _origin(cursor: Cursor) -> str | None:
    cursor.execute("SELECT to_regclass('simulation.made_from') IS NOT NULL")
    if cursor.fetchone() != (True,):
        return None
    cursor.execute("SELECT origin FROM simulation.made_from")
    found = cursor.fetchone()
    return found[0] if found else None
