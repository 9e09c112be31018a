"""Maps a few JSON rows to `SalesRecord`s, to look at them one by one. A listing is mapped by the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from ingestion.mapping.json_rows import JsonReader
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.map_json import map_json
from ingestion.mapping.workspace import workspace
from ingestion.models.columnar import COLUMNS
from ingestion.models.retailer_data import FIELDS, SalesRecord
from shared.errors import RejectRecord

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class RejectedLine:
    """A line that is not a valid record."""

    error: RejectRecord
    """The reason code, and a message that names the column and its value."""
    payload: Any
    """The row as the source sent it, or its order with only this line."""


def map_row(mapping: SourceMapping, row: Any) -> SalesRecord:
    """The record of a row, or of an order with one line, of whatever business date.

    Raises RejectRecord. Takes a tenth of a second.
    """
    with workspace(threads=1) as connection:
        records, rejected = map_rows(connection, mapping, [row])
    if rejected:
        raise rejected[0].error
    return records[0]


def map_rows(
    connection: duckdb.DuckDBPyConnection, mapping: SourceMapping, rows: Sequence[Any]
) -> tuple[list[SalesRecord], list[RejectedLine]]:
    """The records of rows, or of orders with their lines, in a workspace."""
    reader = JsonReader(mapping)
    connection.execute("DROP TABLE IF EXISTS rejected_rows")
    map_json(connection, mapping, reader.columns, {1: reader.read(rows)})
    found = connection.execute(f"SELECT {', '.join(map(_exact, FIELDS))} FROM landed_records").fetchall()
    records = [SalesRecord(**dict(zip(FIELDS, values, strict=True))) for values in found]
    rejected = connection.execute(
        "SELECT source_line, code, reason, column_name, coalesce(value, '') FROM rejected_rows ORDER BY source_line"
    ).fetchall()
    payloads = reader.payloads(rows) if rejected else []
    return records, [
        RejectedLine(RejectRecord(code, _message(reason, column, value)), payloads[line - 1])
        for line, code, reason, column, value in rejected
    ]


def _message(reason: str, column: str | None, value: str) -> str:
    shown = value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}…"
    return f"{column} is {shown!r}: {reason}" if column else reason


def _exact(field: str) -> str:
    # DuckDB's own conversion of a time with a zone needs a further library.
    return f"strftime({field}, '%Y-%m-%dT%H:%M:%S.%fZ')" if COLUMNS[field] == "TIMESTAMPTZ" else field
