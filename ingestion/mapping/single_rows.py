"""Maps one JSON row to a `SalesRecord`, to look at it. A listing is mapped by the page."""

from __future__ import annotations

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


def single_lines(mapping: SourceMapping, rows: list[Any]) -> list[Any]:
    """Rows with one line each: the rows, or for each line its order with only this line."""
    return JsonReader(mapping).payloads(rows)


def map_row(mapping: SourceMapping, row: Any) -> SalesRecord:
    """The record of a row with one line, of whatever business date.

    Raises RejectRecord with a reason code. Takes a tenth of a second.
    """
    with workspace(threads=1) as connection:
        return read_row(connection, mapping, row)


def read_row(connection: duckdb.DuckDBPyConnection, mapping: SourceMapping, row: Any) -> SalesRecord:
    """The same in a workspace, whose `rejected_rows` then has the row if it is rejected."""
    reader = JsonReader(mapping)
    connection.execute("DROP TABLE IF EXISTS rejected_rows")
    map_json(connection, mapping, reader.columns, {1: reader.read([row])})
    found = connection.execute(f"SELECT {', '.join(map(_exact, FIELDS))} FROM landed_records").fetchall()
    if found:
        return SalesRecord(**dict(zip(FIELDS, found[0], strict=True)))
    code, reason, column, value = connection.execute(
        "SELECT code, reason, column_name, coalesce(value, '') FROM rejected_rows"
    ).fetchall()[0]
    shown = value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}…"
    raise RejectRecord(code, f"{column} is {shown!r}: {reason}" if column else reason)


def _exact(field: str) -> str:
    # DuckDB's own conversion of a time with a zone needs a further library.
    return f"strftime({field}, '%Y-%m-%dT%H:%M:%S.%fZ')" if COLUMNS[field] == "TIMESTAMPTZ" else field
