"""Rows between DuckDB and PostgreSQL, by COPY; no Python object per row."""

from __future__ import annotations

from pathlib import Path

import duckdb
from psycopg2 import sql

from shared.database import Cursor
from transformation.conform import COPY_OPTIONS, export
from transformation.raw_partitions import quoted

_CHUNK_BYTES = 256 * 1024


def copy_in(
    cursor: Cursor, columnar: duckdb.DuckDBPyConnection, query: str, table: str | sql.Identifier, file: Path
) -> None:
    """Append the rows of a DuckDB query to a table of the warehouse, by way of `file`."""
    export(columnar, query, file)
    copy_file(cursor, file, sql.Identifier(table) if isinstance(table, str) else table)


def copy_file(cursor: Cursor, file: Path, table: sql.Identifier) -> None:
    """Append the rows that `export` wrote to a table, and remove the file."""
    statement = sql.SQL("COPY {} FROM STDIN ").format(table) + sql.SQL(COPY_OPTIONS)
    with file.open("rb") as rows:
        cursor.copy_expert(statement, rows, size=_CHUNK_BYTES)
    file.unlink()


def copy_out(
    cursor: Cursor, query: str, columnar: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str], file: Path
) -> None:
    """Make a DuckDB table of the rows of a query of the warehouse; `columns` gives names and DuckDB's types.

    `table` is what stands between CREATE OR REPLACE and AS: `TEMP TABLE name` is seen by this DuckDB cursor only.
    """
    with file.open("wb") as rows:
        cursor.copy_expert(f"COPY ({query}) TO STDOUT {COPY_OPTIONS}", rows, size=_CHUNK_BYTES)
    columnar.execute(
        f"CREATE OR REPLACE {table} AS SELECT * FROM read_csv('{quoted(file)}', header = false, auto_detect = false,"  # noqa: S608
        f" delim = ',', quote = '\"', escape = '\"', nullstr = '\\N', columns = {columns!r})"
    )
    file.unlink()
