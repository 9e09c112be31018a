"""Maps one JSON row to a `SalesRecord`, to look at it. A listing is mapped by the page."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from typing import Any

import duckdb

from ingestion.mapping.json_rows import JsonReader, is_shown_as_json
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.map_json import map_json
from ingestion.mapping.workspace import workspace
from ingestion.models.columnar import COLUMNS
from ingestion.models.retailer_data import FIELDS, SalesRecord
from shared.errors import RejectRecord

_SHOWN_CHARACTERS = 60


class SingleRows:
    """Maps the rows of a source one by one, in a workspace that is opened with the first row.

    A row takes some 25 milliseconds, the first one longer.
    """

    def __init__(self, mapping: SourceMapping) -> None:
        self._mapping, self._opened = mapping, ExitStack()

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return self._opened.enter_context(workspace(threads=1))

    def record(self, row: Any) -> SalesRecord:
        """The record of a row with one line, of whatever business date. Raises RejectRecord with a reason code."""
        return read_row(self._connection, self._mapping, row)

    def close(self) -> None:
        """Close the workspace, if a row was mapped."""
        self._opened.close()


def read_row(connection: duckdb.DuckDBPyConnection, mapping: SourceMapping, row: Any) -> SalesRecord:
    """The record of a row with one line. The workspace then has the row in `landed_records` or `rejected_rows`.

    Raises RejectRecord with a reason code.
    """
    reader = JsonReader(mapping)
    connection.execute("DROP TABLE IF EXISTS rejected_rows")
    map_json(connection, mapping, reader.columns, {1: reader.read([row])})
    if found := landed_records(connection):
        return found[0]
    code, reason, column, value = connection.execute(
        "SELECT code, reason, column_name, coalesce(value, '') FROM rejected_rows"
    ).fetchall()[0]
    shown = value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}…"
    shown = shown if is_shown_as_json(reason) else repr(shown)
    raise RejectRecord(code, f"{column} is {shown}: {reason}" if column else reason)


def landed_records(connection: duckdb.DuckDBPyConnection) -> list[SalesRecord]:
    """All of `landed_records`, for a few lines."""
    found = connection.execute(f"SELECT {', '.join(map(_exact, FIELDS))} FROM landed_records").fetchall()
    return [SalesRecord(**dict(zip(FIELDS, record, strict=True))) for record in found]


def _exact(field: str) -> str:
    # DuckDB's own conversion of a time with a zone needs a further library.
    return f"strftime({field}, '%Y-%m-%dT%H:%M:%S.%fZ')" if COLUMNS[field] == "TIMESTAMPTZ" else field
