"""Reads the CSV files of one source into DuckDB tables, by a layout.

Everything is columnar: the files are loaded as text, every distinct text is parsed and checked once, and a few set
operations produce records, rejected rows and flags.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from ingestion.connectors.files.archives import open_files
from ingestion.connectors.files.compare_totals import compare_totals
from ingestion.connectors.files.line_numbers import describe_position, line_numbers_of
from ingestion.connectors.files.loading import LoadedSource, load_source
from ingestion.connectors.files.sources import FileStats, SourceFile, StoredFile
from ingestion.connectors.files.tables import LoadedFile
from ingestion.mapping.date_orders import DateOrderError
from ingestion.mapping.field_values import FieldValues, read_values
from ingestion.mapping.flags import count_imputed, fill_flagged_rows
from ingestion.mapping.future_times import correct_future_times
from ingestion.mapping.imputation import impute
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.records import create_typed_rows, create_views, fill_landed_records
from ingestion.mapping.rejections import RejectLimits, check_share, fill_rejected_rows
from ingestion.mapping.transaction_flags import transaction_flags
from ingestion.schema_contracts.file_headers import FileHeaders
from shared.errors import StopRun
from shared.scratch import scratch_directory

_READING, _CHECKING, _LANDED, _FLAGGING = 0.5, 0.7, 0.92, 0.95
"""Share of the work done when a step begins."""
_NO_PROGRESS: Callable[[str, float], None] = lambda step, share: None  # noqa: E731


@dataclass(frozen=True)
class FilesRead:
    """The result of `read_files`. The rows are in the connection's tables."""

    retailer_id: str
    layout_name: str
    files: tuple[SourceFile, ...]
    rows: int
    """Rows of the files, broken ones included: landed + rejected."""
    landed: int
    rejected: int
    days: tuple[date, ...]
    """Business dates of landed and rejected rows, ascending."""
    flagged: Mapping[str, int]
    """Rule code → rows that were kept but flagged."""
    imputed: Mapping[str, int]
    """Field → rows whose empty value was filled in, including `GUEST` and `Unknown`."""
    rejected_by_code: Mapping[str, int]
    skipped: int = 0
    """Rows that are not lines by the layout, such as a total; not in `rows`."""
    notes: tuple[str, ...] = ()
    """What a reader of the outcome should know, a sentence each."""


def read_files(
    sources: Sequence[str],
    layout: SourceMapping,
    connection: duckdb.DuckDBPyConnection,
    *,
    retailer_id: str | None = None,
    max_reject_share: float,
    max_reject_amount_share: float | None = None,
    progress: Callable[[str, float], None] = _NO_PROGRESS,
    latest: datetime | None = None,
    schema: FileHeaders | None = None,
) -> FilesRead:
    """Fill `landed_records`, `rejected_rows`, `flagged_rows` and `typed_rows` from files, folders and globs.

    `progress` is called with each step and the share of the work done, 0 to 1. Times of records after `latest` are
    corrected and flagged (`future_times.py`). `max_reject_amount_share`: of the money; None: as for rows. `schema`
    compares the headers with those before. Raises FixConfiguration or StopRun that name file, line, column and value;
    the tables must not be used after that.
    """
    with open_files(sources, layout) as files, scratch_directory() as directory, ThreadPoolExecutor(1) as pool:
        stats_by_file = {file.number: pool.submit(file.stats) for file in files}
        source = _load(connection, files, layout, stats_by_file, Path(directory), progress, schema)
        values = _read_values(connection, layout, source, progress)
        landed = fill_landed_records(connection, layout, values, retailer_id or layout.retailer_id)
        progress("storing rejected rows", _LANDED)
        rejected = fill_rejected_rows(connection, layout, source, values, landed, line_numbers_of)
        loaded = sorted((*source.lines, *source.looked_up), key=lambda found: found.file.number)
        read = tuple(_source_file(found) for found in loaded)
        money = max_reject_share if max_reject_amount_share is None else max_reject_amount_share
        check_share(connection, layout, source, read, RejectLimits(max_reject_share, money))
        notes = [*_notes(source), *compare_totals(connection, layout, source.lines)]
        for found in loaded:
            found.file.check_unchanged()
    progress("flagging rows", _FLAGGING)
    across_rows = transaction_flags(connection, layout, values)
    flagged = fill_flagged_rows(connection, layout, values, latest, across_rows)
    correct_future_times(connection, latest)
    result = FilesRead(
        retailer_id=retailer_id or layout.retailer_id,
        layout_name=layout.name,
        files=read,
        rows=source.rows,
        landed=landed,
        rejected=rejected,
        days=_days(connection),
        flagged=flagged,
        imputed=count_imputed(connection, layout, flagged),
        rejected_by_code=_rejected_by_code(connection),
        skipped=source.skipped,
        notes=(*notes, *(f"{each.code}: {note}" for each in across_rows for note in each.notes)),
    )
    _count_rows(schema, source, result.days)
    progress("read", 1.0)
    return result


def _load(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[StoredFile],
    layout: SourceMapping,
    stats_by_file: Mapping[int, Future[FileStats]],
    directory: Path,
    progress: Callable[[str, float], None],
    schema: FileHeaders | None,
) -> LoadedSource:
    report: Callable[[str, float], None] = lambda step, share: progress(step, share * _READING)  # noqa: E731
    source = load_source(connection, files, layout, stats_by_file, directory, report, schema)
    _count_rows(schema, source)
    return source


def _count_rows(schema: FileHeaders | None, source: LoadedSource, days: Sequence[date] = ()) -> None:
    if schema is not None:
        loaded = (*source.lines, *source.looked_up)
        schema.read({found.file.number: found.rows + len(found.broken) for found in loaded}, days)


def _read_values(
    connection: duckdb.DuckDBPyConnection,
    layout: SourceMapping,
    source: LoadedSource,
    progress: Callable[[str, float], None],
) -> dict[str, FieldValues]:
    progress("reading values", _READING)
    try:
        values = impute(connection, layout, read_values(connection, layout, source.cells))
    except DateOrderError as error:
        raise StopRun(_two_orders(connection, layout, source, error)) from error
    create_views(connection, layout, source, values)
    create_typed_rows(connection)
    progress("checking rows", _CHECKING)
    return values


def _notes(source: LoadedSource) -> list[str]:
    notes = []
    for found in source.lines:
        for name, places in found.dialect.repeated.items():
            listed = " and ".join(map(str, places))
            notes.append(f"{found.file.name}: the column {name!r} appears at {listed}; the layout uses none of them")
        if found.end_line is not None:
            notes.append(f"{found.file.name}: left out from line {found.end_line} on, which is blank")
    return notes


def _days(connection: duckdb.DuckDBPyConnection) -> tuple[date, ...]:
    found = connection.execute(
        "SELECT DISTINCT business_date FROM landed_records"
        " UNION SELECT DISTINCT business_date FROM rejected_rows ORDER BY business_date"
    ).fetchall()
    return tuple(day for (day,) in found)


def _rejected_by_code(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    return dict(connection.execute("SELECT code, count(*) FROM rejected_rows GROUP BY code ORDER BY code").fetchall())


def _two_orders(
    connection: duckdb.DuckDBPyConnection, layout: SourceMapping, source: LoadedSource, error: DateOrderError
) -> str:
    column = " + ".join(layout.columns[error.field].headers)
    first, second = (
        describe_position(connection, source.lines, error.text_sql, text) for text in (error.first, error.second)
    )
    return (
        f"{first}, column {column!r}: {error.first!r}, and {second}: {error.second!r}: {error.reason}."
        " Nothing was loaded."
    )


def _source_file(found: LoadedFile) -> SourceFile:
    file = found.file
    return SourceFile(
        number=file.number,
        name=file.name,
        path=file.place,
        sha256=found.stats.sha256,
        size_bytes=file.identity.size_bytes,
        rows=found.rows + len(found.broken),
        encoding=found.encoding,
        delimiter=found.dialect.delimiter,
        compression="zip" if file.identity.archive else file.identity.compression,
    )
