"""SQLite: a file that is opened for reading only. One transaction sees one state of it."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

from ingestion.connectors.sql import dialect
from ingestion.connectors.sql.address import Address
from ingestion.connectors.sql.columns import Kind, as_text, as_texts
from ingestion.connectors.sql.dialect import Fault, Parameters, Row, Timeouts
from ingestion.connectors.sql.statements import double_quoted

_STEPS_BETWEEN_LOOKS = 100_000
_FIRST_MILLISECONDS = 100_000_000_000
"""A larger number of a time is in milliseconds: as seconds, it would be in the year 5138 or later."""
_WITH_ZONE = re.compile(r"(Z|[+-][0-9]{2}:[0-9]{2})$")
_TIMES = (Kind.TIME, Kind.INSTANT)
_WORDS = {
    r"unable to open|readonly database|disk I/O": dialect.unreachable,
    r"not a database|unsupported file format": dialect.unknown_database,
    r"malformed": dialect.wrong_values,
    r"locked|busy|schema has changed": dialect.ended,
    r"interrupted": dialect.too_slow,
    r"integer overflow|malformed JSON|out of range": dialect.wrong_values,
}


class Sqlite:
    """See `Dialect`."""

    is_pyformat = False

    def quote(self, name: str) -> str:
        """See `Dialect`."""
        return double_quoted(name)

    def minute(self, column: str, kind: Kind) -> str:
        """See `Dialect`."""
        if kind in (Kind.EPOCH, Kind.EPOCH_MS):
            step = 60 if kind is Kind.EPOCH else 60_000
            return f"{column} / {step} * {step}"
        return f"strftime('%Y-%m-%d %H:%M:00', {column})" if kind in _TIMES else column

    def between(self, column: str, kind: Kind) -> str:
        """See `Dialect`."""
        if kind not in _TIMES:
            return f"{column} >= :start AND {column} < :end"
        # The first two conditions compare texts and can use an index; the others read the texts as times.
        return (
            f"{column} >= date(:start, '-1 day') AND {column} < date(:end, '+2 days')"
            f" AND datetime({column}) >= :start AND datetime({column}) < :end"
        )

    def since(self, column: str, kind: Kind) -> str:
        """See `Dialect`."""
        if kind not in _TIMES:
            return f"{column} >= :since"
        return f"{column} >= date(:since, '-1 day') AND datetime({column}) >= :since"

    def latest(self, column: str, kind: Kind) -> str:
        """See `Dialect`."""
        return f"max(datetime({column}))" if kind in _TIMES else f"max({column})"

    def exact_sum(self, column: str) -> str:
        """See `Dialect`."""
        # SQLite has no decimals. A whole number of ten-thousandths is exact, and so is the sum of integers.
        return f"sum(CAST(round({column} * 10000) AS INTEGER)) || 'e-4'"

    def connect(self, address: Address, timeouts: Timeouts) -> Any:
        """See `Dialect`."""
        connection = sqlite3.connect(
            f"file:{quote(address.database)}?mode=ro",
            uri=True,
            timeout=timeouts.connect_seconds,
            isolation_level=None,
            check_same_thread=False,  # one thread at a time uses it
        )
        connection.text_factory = bytes  # decoded by the column, since a text need not be in the file's encoding
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def begin(self, connection: Any, timeouts: Timeouts) -> str:
        """See `Dialect`."""
        until = time.monotonic() + timeouts.statement_minutes * 60
        connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS_BETWEEN_LOOKS)
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        now = datetime.now(UTC)  # the file has no clock of its own
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the transaction begins with a read
        return now.isoformat()

    def end(self, connection: Any) -> None:
        """See `Dialect`."""
        connection.rollback()

    def kinds(self, connection: Any, sql: str, parameters: Parameters, names: Sequence[str]) -> Mapping[str, Kind]:
        """See `Dialect`."""
        with closing(connection.execute(f"{sql} LIMIT 0", _as_texts(parameters))) as cursor:
            found = {name: Kind.OTHER for name, *_ in cursor.description}
        for name in names:
            if name in found:
                found[name] = self._kind(connection, sql, parameters, double_quoted(name))
        return found

    def stream(self, connection: Any, sql: str, parameters: Parameters, rows_at_once: int) -> Iterator[Sequence[Row]]:
        """See `Dialect`."""
        with closing(connection.execute(sql, _as_texts(parameters))) as cursor:
            while rows := cursor.fetchmany(rows_at_once):
                yield as_texts(rows)

    def fault(self, error: Exception) -> Fault | None:
        """See `Dialect`."""
        if not isinstance(error, sqlite3.Error):
            return None
        for words, explain in _WORDS.items():
            if re.search(words, str(error)):
                return Fault(explain, str(error))
        return Fault(dialect.wrong_query, str(error))

    def _kind(self, connection: Any, sql: str, parameters: Parameters, column: str) -> Kind:
        """The kind of a column's first value: SQLite's columns have no types that bind."""
        statement = f"SELECT {column} FROM ({sql}) WHERE {column} IS NOT NULL LIMIT 1"  # noqa: S608 - a quoted name
        with closing(connection.execute(statement, _as_texts(parameters))) as cursor:
            [value] = cursor.fetchone() or (None,)
        if value is None:
            return Kind.UNKNOWN
        if isinstance(value, int):
            return Kind.EPOCH_MS if abs(value) >= _FIRST_MILLISECONDS else Kind.EPOCH
        text = as_text(value) or ""
        if len(text) == len("2024-01-15"):
            return Kind.DATE
        return Kind.INSTANT if _WITH_ZONE.search(text) else Kind.TIME


def _as_texts(parameters: Parameters) -> dict[str, str | int]:
    return {name: _as_text(value) for name, value in parameters.items()}


def _as_text(value: date | datetime | int) -> str | int:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return value.isoformat() if isinstance(value, date) else value
