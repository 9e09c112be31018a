"""Writes rejected rows of files as dead letters: file, line, column and value, with the complete row as payload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import duckdb
import orjson

from shared.dead_letters import DeadLetter

REJECTED_BEFORE = -1
"""File number of a row that was rejected in an earlier landing; its position is in `value`."""
_ROWS_AT_ONCE = 1_000
_VALUE_SHOWN = 80


def rejected_lines(cursor: duckdb.DuckDBPyConnection, day: date, file_names: Mapping[int, str]) -> Iterator[bytes]:
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
            position = value if number == REJECTED_BEFORE else _position(file_names[number], line, column, value)
            yield DeadLetter(code, reason, position, orjson.loads(payload)).line()


def _position(file_name: str, line: int, column: str | None, value: str | None) -> str:
    position = f"{file_name}, line {line}"
    if column is not None:
        position += f", column {column}"
    if value is not None:
        shown = value if len(value) <= _VALUE_SHOWN else value[:_VALUE_SHOWN] + "…"
        position += f": {orjson.dumps(shown).decode()}"
    return position
