"""Loads files into DuckDB unchanged: every column as text, every row in its original order.

Grain of `source_rows`: one row per row of a file, exact duplicates included, in the order of the files. Columns are
named `c0`, `c1` … so that no name from a file is ever part of a statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingestion.connectors.files.dialects import LONGEST_LINE, Dialect
from ingestion.connectors.files.encodings import detect_encoding
from ingestion.connectors.files.parse_rows import WrongEncoding, parse_rows
from ingestion.connectors.files.parsed_rows import BrokenRow, ParsedRows
from ingestion.connectors.files.sources import FileStats, StoredFile
from ingestion.mapping.sql_text import literal
from shared.errors import FixConfiguration, StopRun


@dataclass(frozen=True)
class LoadedFile:
    """A file in `source_rows`: row `first_row` and the `rows - 1` rows after it."""

    file: StoredFile
    dialect: Dialect
    encoding: str
    first_row: int
    rows: int
    broken: tuple[BrokenRow, ...]
    stats: FileStats
    end_line: int | None = None
    """The blank line from which on the file was left out."""


def create_source_rows(connection: duckdb.DuckDBPyConnection, columns: int, table: str = "source_rows") -> None:
    """Create an empty table for files whose headers together have that many columns."""
    texts = "".join(f", c{number} VARCHAR" for number in range(columns))
    connection.execute(f"CREATE OR REPLACE TABLE {table}(source_file INTEGER, source_line BIGINT{texts})")


def load_file(
    connection: duckdb.DuckDBPyConnection,
    file: StoredFile,
    dialect: Dialect,
    *,
    columns: Sequence[str],
    stats: Future[FileStats],
    directory: Path,
    table: str = "source_rows",
) -> LoadedFile:
    """Append a file to a table with these `columns`, matched by header.

    Raises StopRun or FixConfiguration that name file and line.
    """
    broken: tuple[BrokenRow, ...] = ()
    encoding, end_line, parsed = dialect.encoding or "utf-8", None, file.records
    if parsed is not None:
        _insert(connection, table, file, dialect, columns, parsed)
    elif dialect.encoding != "utf-8" or not _read_plainly(connection, table, file, dialect, columns, stats):
        parsed = _read_carefully(connection, table, file, dialect, columns, directory)
    if parsed is not None:
        encoding, broken, end_line = parsed.encoding, parsed.broken, parsed.end_line
    rows, first_row = _extent(connection, table, file)
    if not rows and not broken:
        raise FixConfiguration(f"{file.place} has a header and no rows. Nothing was loaded.")
    return LoadedFile(file, dialect, encoding, first_row, rows, broken, stats.result(), end_line)


def _read_plainly(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    file: StoredFile,
    dialect: Dialect,
    columns: Sequence[str],
    stats: Future[FileStats],
) -> bool:
    """Let DuckDB read the file directly. False when it cannot, or when it lost a line of the file."""
    try:
        with file.watched(connection.interrupt):
            _insert(connection, table, file, dialect, columns, None)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        file.check_unchanged()
        stats.result()  # raises when the compressed data is cut off: parsing it row by row would fail as well
        return False
    # DuckDB 2.0 drops a last line that is longer than its buffer without an error.
    lines = stats.result().lines
    rows, _ = _extent(connection, table, file)
    expected = rows + 1 + dialect.skip_lines
    if lines == expected or lines == expected + _line_ends_within(connection, table, file.number):
        return True
    connection.execute(f"DELETE FROM {table} WHERE source_file = ?", [file.number])
    return False


def _line_ends_within(connection: duckdb.DuckDBPyConnection, table: str, number: int) -> int:
    names = [name for (name, *_) in connection.execute(f"DESCRIBE {table}").fetchall()]
    texts = [name for name in names if name not in ("source_file", "source_line")]
    counted = " + ".join(f"coalesce(sum(length({name}) - length(replace({name}, chr(10), ''))), 0)" for name in texts)
    found = connection.execute(f"SELECT {counted} FROM {table} WHERE source_file = ?", [number]).fetchone()
    return int(found[0]) if found else 0


def _read_carefully(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    file: StoredFile,
    dialect: Dialect,
    columns: Sequence[str],
    directory: Path,
) -> ParsedRows:
    """Parse the file row by row."""
    try:
        parsed = parse_rows(file, dialect, dialect.encoding or "utf-8", directory)
    except WrongEncoding:
        if dialect.is_declared:
            raise
        parsed = parse_rows(file, dialect, detect_encoding(file), directory)
    try:
        _insert(connection, table, file, dialect, columns, parsed)
    except duckdb.InvalidInputException as error:
        raise StopRun(f"{file.place} cannot be read: {str(error).splitlines()[0]}. Nothing was loaded.") from error
    finally:
        parsed.path.unlink()
    return parsed


def _extent(connection: duckdb.DuckDBPyConnection, table: str, file: StoredFile) -> tuple[int, int]:
    """Number of rows of a file, and the row number of the first one in the table."""
    found = connection.execute(
        f"SELECT count(*), coalesce(min(rowid), 0) FROM {table} WHERE source_file = ?", [file.number]
    ).fetchone()
    return found or (0, 0)


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    file: StoredFile,
    dialect: Dialect,
    columns: Sequence[str],
    parsed: ParsedRows | None,
) -> None:
    fields = {name: f"f{number}" for number, name in enumerate(dialect.header) if name}
    names = [f"f{number}" for number in range(len(dialect.header))]
    if parsed is None:
        path, delimiter, compression = file.path, dialect.delimiter, file.compression
        line, listed, header, quote, skip = "NULL", names, "true", dialect.quote, dialect.skip_lines
    else:
        path, delimiter, compression = parsed.path, ",", "none"
        line, listed, header, quote, skip = "source_line::BIGINT", ["source_line", *names], "false", '"', 0
    types = ", ".join(f"'{name}': 'VARCHAR'" for name in listed)
    # A row of a file of records ends before the columns that appear after it.
    padding = ", null_padding = true" if file.records else ""
    texts = "".join(f", coalesce({fields[name]}, '')" if name in fields else ", ''" for name in columns)
    # Empty is '', not NULL, so that columns can be compared. A line that is too long fails in DuckDB.
    connection.execute(
        f"INSERT INTO {table} SELECT {file.number}, {line}{texts} FROM read_csv({literal(_exact(path))},"
        f" auto_detect = false, header = {header}, delim = {literal(delimiter)}, quote = {literal(quote)},"
        f" escape = {literal(quote)}, skip = {skip}, compression = '{compression}',"
        f" columns = {{{types}}}, force_not_null = [{', '.join(names)}],"
        f" max_line_size = {LONGEST_LINE}{padding})"
    )


def _exact(path: Path) -> str:
    """The path, escaped so that DuckDB does not treat it as a pattern."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in str(path))
