"""Days in a retailer's database: which are there, and making those that are not.

The database holds every state a line will ever have, with the times from and until which the books know it. So what
is listed depends on seed, date and clock only, and nothing has to run in the background.
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
"""Raise it when tables or generator change: what was filled before is then made anew."""

RECENT_DAYS = 30
_ALWAYS_THERE = tuple(date(2024, 1, 1) + timedelta(days=number) for number in range(31))
_LOCK = 7_203_411
_BOOKKEEPING = ("simulation.made_days", "simulation.made_from")
_MANY_LINES = 20_000
"""So many lines into empty tables are worth building the indexes afterwards."""


class Books(Protocol):
    """How one retailer's database holds sales."""

    @property
    def folder(self) -> Path:
        """Where the schema and the statements are."""

    @property
    def tables(self) -> Sequence[str]:
        """What sales and their masters are held in."""

    def entries(self, receipt: Receipt) -> list[Entry]:
        """The states of a receipt as these books keep them."""

    def write_masters(self, cursor: Cursor, generator: SalesGenerator) -> None:
        """Fill in what sales refer to."""

    def write_entries(self, cursor: Cursor, entries: Iterable[Entry]) -> None:
        """Add states of receipts."""


class Archive:
    """The days of generated sales in one database. Safe for threads and for several processes."""

    def __init__(self, database: Database, books: Books, generator: SalesGenerator, schema: str) -> None:
        self._database, self._books, self._generator = database, books, generator
        self._schema = schema
        self._made: frozenset[date] = frozenset()
        self._lock = threading.Lock()

    def prepare(self, origin: str) -> bool:
        """Create what is missing. A database filled from another origin is emptied. True when it was empty."""
        with self._database.transaction() as cursor:
            fresh = start_from(cursor, self._schema, self._books, origin)
            if fresh:
                self._books.write_masters(cursor, self._generator)
            return fresh

    def ensure(self, days: Sequence[date]) -> int:
        """Make those days that are not there yet, all in one transaction; tells how many were made."""
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
                with bulk_load(cursor, self._books.tables) if many else nullcontext():
                    self._books.write_entries(cursor, self._entries(missing, made))
                cursor.execute("INSERT INTO simulation.made_days (day) SELECT unnest(%s::date[])", (missing,))
        self._made = frozenset(made | set(missing))
        return len(missing)

    def _entries(self, days: Sequence[date], made: set[date]) -> Iterator[Entry]:
        """All states that concern those days, once each: a misdated receipt concerns two days."""
        misdated: set[date] = set()
        for day in days:
            for receipt in self._generator.receipts(day):
                yield from self._books.entries(receipt)
            if day + timedelta(days=1) not in made:
                misdated.add(day)
            if day - timedelta(days=1) not in made:
                misdated.add(day - timedelta(days=1))
        for day in sorted(misdated):
            for receipt in self._generator.misdated(day):
                yield from self._books.entries(receipt)


def preloaded_days(today: date) -> list[date]:
    """The days that are there from the start."""
    recent = [today - timedelta(days=number) for number in range(RECENT_DAYS + 1)]
    return sorted({day for day in (*_ALWAYS_THERE, *recent) if day <= today})


def start_from(cursor: Cursor, schema: str, books: Books, origin: str) -> bool:
    """Create the tables; those that were filled from another origin are made anew. True when they are empty now.

    The origin is compared together with `LAYOUT`, so a change of tables or generator starts anew as well.
    """
    wanted = f"layout {LAYOUT}, {origin}"
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    if _origin(cursor) == wanted:
        cursor.execute(schema)
        return False
    cursor.execute(f"DROP TABLE IF EXISTS {', '.join((*books.tables, *_BOOKKEEPING))}")
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
