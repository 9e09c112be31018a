"""Sources whose sales are spread over several kinds of files: each row of the lines, joined to its rows in the others.

Grain of `source_rows`: one row of the lines' files, as for a source with one kind of file. If several rows of another
file have the same key, the first one counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import duckdb

from ingestion.connectors.files.dialects import Dialect
from ingestion.connectors.files.sources import FileStats, StoredFile
from ingestion.connectors.files.tables import LoadedFile, create_source_rows, load_file
from ingestion.mapping.layouts import SourceMapping
from shared.errors import FixConfiguration, StopRun

_LINES = "line_rows"


def assign(
    layout: SourceMapping, files: Sequence[StoredFile], dialects: Sequence[Dialect]
) -> dict[str, list[tuple[StoredFile, Dialect]]]:
    """Which table each file belongs to, by its header; files that belong to none are left out.

    Raises FixConfiguration that names a table whose columns no file has.
    """
    found: dict[str, list[tuple[StoredFile, Dialect]]] = {name: [] for name in layout.tables}
    for file, dialect in zip(files, dialects, strict=True):
        fitting = [name for name, wanted in layout.wanted_headers.items() if set(wanted) <= set(dialect.header)]
        if fitting:
            found[max(fitting, key=lambda name: len(layout.wanted_headers[name]))].append((file, dialect))
    for name, wanted in layout.wanted_headers.items():
        if not found[name]:
            given = ", ".join(file.name for file in files)
            raise FixConfiguration(
                f"The layout {layout.name} needs a file of {name}, with the columns {', '.join(wanted)};"
                f" there are {given}. Give the folder that holds all of them. Nothing was loaded."
            )
    return found


def load_tables(
    connection: duckdb.DuckDBPyConnection,
    layout: SourceMapping,
    assigned: Mapping[str, Sequence[tuple[StoredFile, Dialect]]],
    stats_by_file: Mapping[int, Future[FileStats]],
    directory: Path,
) -> tuple[list[LoadedFile], list[LoadedFile], dict[str, str]]:
    """Fill `source_rows`. The lines' files, the others, and the SQL of each column's text by its name in the layout.

    Raises StopRun when a row of a file other than the lines' is broken: it is unknown which lines refer to it.
    """
    lines_table, *others = layout.tables
    lines, header = _load(connection, _LINES, assigned[lines_table], stats_by_file, directory)
    cells = {name: f"lines.c{number}" for number, name in enumerate(header)}
    cells |= {f"{lines_table}.{name}": cell for name, cell in cells.items()}
    looked_up: list[LoadedFile] = []
    joins: list[str] = []
    missing: list[str] = []
    for name in others:
        described = layout.tables[name]
        loaded, own = _load(connection, f"rows_of_{len(joins)}", assigned[name], stats_by_file, directory)
        looked_up += loaded
        _check_unbroken(loaded)
        alias = f"t{len(joins)}"
        key = f"c{own.index(described.key or '')}"
        joins.append(
            f" LEFT JOIN (SELECT DISTINCT ON ({key}) * EXCLUDE (source_file, source_line) FROM rows_of_{len(joins)}"
            f" WHERE {key} <> '' ORDER BY {key}, rowid) AS {alias} ON {alias}.{key} = {cells[described.equals or '']}"
        )
        cells |= {f"{name}.{column}": f"coalesce({alias}.c{number}, '')" for number, column in enumerate(own)}
        if described.required:
            missing.append(f"WHEN {alias}.{key} IS NULL THEN '{name}'")
    named = _create(connection, cells, joins, missing)
    for table in (_LINES, *(f"rows_of_{number}" for number in range(len(joins)))):
        connection.execute(f"DROP TABLE {table}")
    return _renumbered(lines), looked_up, named


def _renumbered(lines: Sequence[LoadedFile]) -> list[LoadedFile]:
    """The lines' files with their first rows in `source_rows`, which has no gaps."""
    first_rows = accumulate((found.rows for found in lines), initial=0)
    return [replace(found, first_row=first_row) for found, first_row in zip(lines, first_rows, strict=False)]


def _load(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    files: Sequence[tuple[StoredFile, Dialect]],
    stats_by_file: Mapping[int, Future[FileStats]],
    directory: Path,
) -> tuple[list[LoadedFile], list[str]]:
    header = list(dict.fromkeys(name for _, dialect in files for name in dialect.header if name))
    create_source_rows(connection, len(header), table)
    loaded = [
        load_file(
            connection,
            file,
            dialect,
            columns=header,
            stats=stats_by_file[file.number],
            directory=directory,
            table=table,
        )
        for file, dialect in files
    ]
    return loaded, header


def _check_unbroken(loaded: Sequence[LoadedFile]) -> None:
    for found in loaded:
        for row in found.broken:
            raise StopRun(
                f"{found.file.place}, line {row.source_line}: {row.reason}. Other files refer to this one, so it has to"
                " be complete. Nothing was loaded."
            )


def _create(
    connection: duckdb.DuckDBPyConnection, cells: Mapping[str, str], joins: Sequence[str], missing: Sequence[str]
) -> dict[str, str]:
    """`source_rows` with a column for each cell, and `missing_table`. The columns by name."""
    distinct = list(dict.fromkeys(cells.values()))
    listed = ", ".join(f"{cell} AS c{number}" for number, cell in enumerate(distinct))
    case = f"CASE {' '.join(missing)} END" if missing else "NULL"
    connection.execute(
        f"CREATE OR REPLACE TABLE source_rows AS SELECT source_file, source_line, {listed},"
        f" {case}::VARCHAR AS missing_table"
        f" FROM (SELECT *, rowid AS line_order FROM {_LINES}) AS lines{''.join(joins)} ORDER BY lines.line_order"
    )
    return {name: f"s.c{distinct.index(cell)}" for name, cell in cells.items()}
