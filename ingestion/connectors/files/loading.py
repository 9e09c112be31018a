"""Loads all files of a source into `source_rows`, whether the source has one kind of file or several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingestion.connectors.files.dialects import Dialect, detect_dialect
from ingestion.connectors.files.headers import check_header
from ingestion.connectors.files.joining import assign, load_tables
from ingestion.connectors.files.line_ids import line_digest
from ingestion.connectors.files.line_numbers import line_numbers_of
from ingestion.connectors.files.prepared_rows import prepare_rows
from ingestion.connectors.files.sources import FileStats, StoredFile
from ingestion.connectors.files.tables import LoadedFile, create_source_rows, load_file
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.source_rows import RowFault
from ingestion.mapping.sql_text import literal
from ingestion.models.reject_reasons import RejectReason
from ingestion.schema_contracts.file_headers import FileHeader, FileHeaders
from shared.counts import counted


@dataclass(frozen=True)
class LoadedSource:
    """What was read: the lines' files, files that lines refer to, and how columns are found in `source_rows s`."""

    lines: tuple[LoadedFile, ...]
    looked_up: tuple[LoadedFile, ...]
    cells: Mapping[str, str]
    """Column, as the layout names it → SQL of its text. Never NULL; empty is ''."""
    line_digest: str
    """SQL of a line id made from the row's content."""
    row_fault: RowFault | None
    """A row that refers to a row of another table, which is missing."""
    skipped: int = 0
    """Rows that are not lines, and so are not in `source_rows`."""

    @property
    def rows(self) -> int:
        """Rows of the lines' files, broken ones included."""
        return sum(found.rows + len(found.broken) for found in self.lines)


def load_source(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[StoredFile],
    layout: SourceMapping,
    stats_by_file: Mapping[int, Future[FileStats]],
    directory: Path,
    progress: Callable[[str, float], None],
    schema: FileHeaders | None = None,
) -> LoadedSource:
    """Fill `source_rows` and `source_files`. `progress` is called for each file with the share of files already read.

    Raises FixConfiguration or StopRun that name file and line.
    """
    dialects = [detect_dialect(file, layout.format, layout.wanted_headers.values()) for file in files]
    if layout.tables:
        assigned = assign(layout, files, dialects)
        _check_schema(schema, {name: [each for each, _ in found] for name, found in assigned.items()}, files, dialects)
        progress(f"reading {counted(len(files), 'file')}", 0.0)
        lines, looked_up, cells = load_tables(connection, layout, assigned, stats_by_file, directory)
        own = {name: cells[name] for found in lines for name in found.dialect.header if name}
    else:
        lines, looked_up = [], []
        _check_schema(schema, {"": files}, files, dialects)
        header = list(dict.fromkeys(name for dialect in dialects for name in dialect.header if name))
        cells = own = {name: f"s.c{number}" for number, name in enumerate(header)}
        for file, dialect in zip(files, dialects, strict=True):
            check_header(file, dialect, layout.wanted_headers[""], layout.name)
        create_source_rows(connection, len(header))
        for file, dialect in zip(files, dialects, strict=True):
            progress(f"reading {file.name}", len(lines) / len(files))
            stats = stats_by_file[file.number]
            lines.append(load_file(connection, file, dialect, columns=header, stats=stats, directory=directory))
    for found in (*lines, *looked_up):
        found.file.check_unchanged()
    prepared = prepare_rows(connection, layout, lines, cells, line_numbers_of)
    _list_files(connection, prepared.lines)
    digest = line_digest(prepared.lines, own, layout.duplicate_key)
    fault = _row_fault(schema.differing() if schema else {}, prepared.lines, has_tables=bool(layout.tables))
    return LoadedSource(prepared.lines, tuple(looked_up), cells, digest, fault, prepared.skipped)


def _check_schema(
    schema: FileHeaders | None,
    tables: Mapping[str, Sequence[StoredFile]],
    files: Sequence[StoredFile],
    dialects: Sequence[Dialect],
) -> None:
    """Compare the headers with the schema of the source. Raises SchemaFrozen."""
    if schema is not None:
        headers = {file.number: dialect.header for file, dialect in zip(files, dialects, strict=True)}
        schema.check(
            {
                file.number: FileHeader(table, headers[file.number], file.records.columns if file.records else None)
                for table, own in tables.items()
                for file in own
            }
        )


def _row_fault(differing: Mapping[int, str], lines: Sequence[LoadedFile], *, has_tables: bool) -> RowFault | None:
    """Why rows are rejected whatever their values are.

    If a file that lines refer to differs from the schema, all lines do.
    """
    numbers = {found.file.number for found in lines}
    everywhere = next((why for number, why in differing.items() if number not in numbers), None)
    whens = [(f"s.source_file = {number}", why) for number, why in differing.items() if number in numbers]
    whens = [("true", everywhere)] if everywhere else whens
    cases = [(when, literal(RejectReason.SCHEMA_CHANGED), literal(why)) for when, why in whens]
    if has_tables:
        why = "'the row it refers to in ' || s.missing_table || ' is missing'"
        cases.append(("s.missing_table IS NOT NULL", literal(RejectReason.MISSING_REFERENCE), why))
    if not cases:
        return None
    codes = " ".join(f"WHEN {when} THEN {code}" for when, code, _ in cases)
    reasons = " ".join(f"WHEN {when} THEN {why}" for when, _, why in cases)
    return RowFault(f"CASE {codes} END", f"CASE {reasons} END")


def _list_files(connection: duckdb.DuckDBPyConnection, lines: Sequence[LoadedFile]) -> None:
    rows = ", ".join(f"({found.file.number}, {found.first_row})" for found in lines)
    connection.execute(f"CREATE OR REPLACE TABLE source_files AS SELECT * FROM (VALUES {rows}) AS v(number, first_row)")
