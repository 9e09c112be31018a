"""Writes rejected rows as dead letters: file or page, line, column and value, with the complete row as payload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import duckdb
import orjson

from ingestion.mapping.json_rows import is_shown_as_json
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.rejections import VALUE_SHOWN
from shared.dead_letters import DeadLetter

REJECTED_BEFORE = -1
"""File number of a row that was rejected in an earlier landing; its position is in `value`."""
_ROWS_AT_ONCE = 1_000


class RowOrigin(Protocol):
    """Where the rows of `rejected_rows` come from: `number` is their `source_file`, `line` their `source_line`."""

    def place(self, number: int, line: int) -> str:
        """Where a row is: `sales.csv, line 7` or `page 3, row 17`."""

    def payload(self, number: int, line: int, stored: str | None) -> Any:
        """The row as it was sent. `stored`: its `payload` in `rejected_rows`, JSON."""


@dataclass(frozen=True)
class RowsOfFiles:
    """Rows whose files have these names, by number."""

    names: Mapping[int, str]

    def place(self, number: int, line: int) -> str:
        """See `RowOrigin`."""
        return f"{self.names[number]}, line {line}"

    def payload(self, number: int, line: int, stored: str | None) -> Any:
        """See `RowOrigin`."""
        return orjson.loads(stored or "null")


def rejected_lines(cursor: duckdb.DuckDBPyConnection, day: date, origin: RowOrigin) -> Iterator[bytes]:
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
            if number == REJECTED_BEFORE:
                yield DeadLetter(code, reason, value, orjson.loads(payload)).line()
                continue
            position = describe(origin.place(number, line), column, value, reason)
            yield DeadLetter(code, reason, position, origin.payload(number, line, payload)).line()


def place_on_page(mapping: SourceMapping, page: int, line: int) -> str:
    """`page 3, row 17`; of orders with lines, which line of the page: `page 3, line 17`."""
    return f"page {page}, {'line' if mapping.lines else 'row'} {line}"


def describe(position: str, column: str | None, value: str | None, reason: str) -> str:
    """The position of a row, with the column and the value that were rejected for that reason. A text is quoted."""
    if column is not None:
        position += f", column {column}"
    if value:
        shown = value if len(value) <= VALUE_SHOWN else value[:VALUE_SHOWN] + "…"
        position += f": {shown if is_shown_as_json(reason) else orjson.dumps(shown).decode()}"
    return position
