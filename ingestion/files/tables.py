"""Files into DuckDB as they are: every column a text, every row in its place.

Grain of `source_rows`: one row per row of a file, exact copies included, in the order of the files. Columns of the
files are `c0`, `c1` … so that no name from a file is ever part of a statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingestion.files.dialects import LONGEST_LINE, Dialect
from ingestion.files.encodings import detect
from ingestion.files.rectifying import BrokenRow, Rectified, rectify
from ingestion.files.sources import StoredFile
from ingestion.files.sql_text import literal
from shared.errors import FixConfiguration, StopRun


@dataclass(frozen=True)
class LoadedFile:
    """A file in `source_rows`: its rows are `first_row` and the `rows - 1` after it."""

    file: StoredFile
    dialect: Dialect
    encoding: str
    first_row: int
    rows: int
    broken: tuple[BrokenRow, ...]


def create_source_rows(connection: duckdb.DuckDBPyConnection, columns: int, table: str = "source_rows") -> None:
    """An empty table for files whose headers together name so many columns."""
    texts = "".join(f", c{number} VARCHAR" for number in range(columns))
    connection.execute(f"CREATE OR REPLACE TABLE {table}(source_file INTEGER, source_line BIGINT{texts})")


def load_file(
    connection: duckdb.DuckDBPyConnection,
    file: StoredFile,
    dialect: Dialect,
    *,
    columns: Sequence[str],
    directory: Path,
    table: str = "source_rows",
) -> LoadedFile:
    """Append a file to the table whose columns these are, by header.

    Raises StopRun or FixConfiguration that name file and line.
    """
    first_row = _count(connection, table)
    broken: tuple[BrokenRow, ...] = ()
    encoding = dialect.encoding
    if encoding == "utf-8":
        try:
            _insert(connection, table, file, dialect, columns, None)
        except duckdb.Error as error:
            if isinstance(error, duckdb.OutOfMemoryException):
                raise
            encoding = None
    if encoding != "utf-8":
        rectified = rectify(file, dialect, encoding or detect(file), directory)
        encoding, broken = rectified.encoding, rectified.broken
        try:
            _insert(connection, table, file, dialect, columns, rectified)
        except duckdb.InvalidInputException as error:
            raise StopRun(f"{file.path} cannot be read: {str(error).splitlines()[0]}. Nothing was loaded.") from error
        finally:
            rectified.path.unlink()
    rows = _count(connection, table) - first_row
    if not rows and not broken:
        raise FixConfiguration(f"{file.path} holds a header and no rows. Nothing was loaded.")
    return LoadedFile(file, dialect, encoding, first_row, rows, broken)


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(found[0]) if found else 0


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    file: StoredFile,
    dialect: Dialect,
    columns: Sequence[str],
    rectified: Rectified | None,
) -> None:
    fields = {name: f"f{number}" for number, name in enumerate(dialect.header) if name}
    names = [f"f{number}" for number in range(len(dialect.header))]
    if rectified is None:
        path, delimiter, compression = file.path, dialect.delimiter, file.compression
        line, listed, header = "NULL", names, "true"
    else:
        path, delimiter, compression = rectified.path, ",", "none"
        line, listed, header = "source_line::BIGINT", ["source_line", *names], "false"
    types = ", ".join(f"'{name}': 'VARCHAR'" for name in listed)
    texts = "".join(f", {fields.get(name, literal(''))}" for name in columns)
    # Empty is '', not NULL, so that columns can be compared; what is longer than a line may be fails in DuckDB.
    connection.execute(
        f"INSERT INTO {table} SELECT {file.number}, {line}{texts} FROM read_csv({literal(_exact(path))},"
        f" auto_detect = false, header = {header}, delim = {literal(delimiter)}, quote = '\"', escape = '\"',"
        f" compression = '{compression}', columns = {{{types}}}, force_not_null = [{', '.join(names)}],"
        f" max_line_size = {LONGEST_LINE})"
    )


def _exact(path: Path) -> str:
    """A path that DuckDB does not take for a pattern."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in str(path))
