"""Writes rejected rows as dead letters: file or page, line, column and value, with the complete row as payload."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import duckdb
import orjson

from shared.dead_letters import DeadLetter

REJECTED_BEFORE = -1
"""File number of a row that was rejected in an earlier landing; its position is in `value`."""
_ROWS_AT_ONCE = 1_000
_VALUE_SHOWN = 80


Places = Callable[[int, int], str]
"""Where a row is, from its `source_file` and `source_line`: `sales.csv, line 7` or `page 3, row 17`."""


def on_page(page: int, row: int) -> str:
    """The place of a row in a listing."""
    return f"page {page}, row {row}"


def rejected_lines(cursor: duckdb.DuckDBPyConnection, day: date, place_of: Places) -> Iterator[bytes]:
    """The day's lines of the rejected object, in the order of the files, in bounded memory.

    `cursor` must not be used for anything else until the last line is read.
    """
    cursor.execute(
        "SELECT source_file, source_line, code, reason, column_name, value, payload FROM rejected_rows"
        " WHERE business_date = ? ORDER BY source_file, source_line",
        [day],
    )
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        for number, line, code, reason, column, value, payload in rows:
            position = value if number == REJECTED_BEFORE else describe(place_of(number, line), column, value)
            yield DeadLetter(code, reason, position, orjson.loads(payload)).line()


def describe(position: str, column: str | None, value: str | None) -> str:
    """The position of a row, with the column and the value that were rejected."""
    if column is not None:
        position += f", column {column}"
    if value is not None:
        shown = value if len(value) <= _VALUE_SHOWN else value[:_VALUE_SHOWN] + "…"
        position += f": {orjson.dumps(shown).decode()}"
    return position
