"""Copies rows between DuckDB and PostgreSQL, without a Python object per row."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TextIO, cast

import duckdb
import psycopg2
import pyarrow
from psycopg2 import sql

from shared.database import Cursor
from transformation.binary_copy import BinaryCopy
from transformation.raw_partitions import quoted

_BATCH_ROWS = 16_384
"""Few enough that a batch stays in the processor's cache while it is encoded."""
_CHUNK_BYTES = 256 * 1024
_CSV = "(FORMAT csv, NULL '\\N')"


def copy_in(cursor: Cursor, columnar: duckdb.DuckDBPyConnection, query: str, table: str | sql.Identifier) -> None:
    """Append the rows of a DuckDB query to a table of the warehouse, whose columns and types the query has in order."""
    copy_batches(cursor, columnar.sql(query).to_arrow_reader(_BATCH_ROWS), table)


def copy_batches(cursor: Cursor, rows: Iterable[pyarrow.RecordBatch], table: str | sql.Identifier) -> None:
    """Append Arrow batches to a table of the warehouse, whose columns and types they have in order.

    Raises what reading the batches raises.
    """
    name, source = sql.Identifier(table) if isinstance(table, str) else table, BinaryCopy(rows)
    try:
        cursor.copy_expert(sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(name), cast(TextIO, source))
    except psycopg2.Error:
        if source.error is not None:
            raise source.error from None
        raise


def copy_out(
    cursor: Cursor, query: str, columnar: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str], file: Path
) -> None:
    """Make a DuckDB table of the rows of a query of the warehouse; `columns` gives names and DuckDB's types.

    `table` goes between CREATE OR REPLACE and AS: only this DuckDB cursor sees `TEMP TABLE name`.
    """
    with file.open("wb") as rows:
        cursor.copy_expert(f"COPY ({query}) TO STDOUT {_CSV}", rows, size=_CHUNK_BYTES)
    columnar.execute(
        f"CREATE OR REPLACE {table} AS SELECT * FROM read_csv('{quoted(file)}', header = false, auto_detect = false,"  # noqa: S608
        f" delim = ',', quote = '\"', escape = '\"', nullstr = '\\N', columns = {columns!r})"
    )
    file.unlink()
