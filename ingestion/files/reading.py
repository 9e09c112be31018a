"""CSV files of one source, read by a layout into DuckDB tables: `read_files`.

Columnar from end to end: the file is read as texts, every distinct text is read and judged once, and a few set
operations make records, refusals and flags of the rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from ingestion.files.dialects import look_at
from ingestion.files.flags import flag
from ingestion.files.layouts import Layout
from ingestion.files.records import create_views, land
from ingestion.files.refusals import check_share, refuse
from ingestion.files.sources import SourceFile, StoredFile, find_files
from ingestion.files.tables import LoadedFile, create_source_rows, load_file
from ingestion.files.values import read_values

_NO_PROGRESS: Callable[[str, float], None] = lambda step, share: None  # noqa: E731


@dataclass(frozen=True)
class FilesRead:
    """What `read_files` found. The rows stand in the connection's tables."""

    retailer_id: str
    layout_name: str
    files: tuple[SourceFile, ...]
    rows: int
    """Rows of the files, broken ones included; = landed + refused."""
    landed: int
    refused: int
    days: tuple[date, ...]
    """Business dates of landed and refused rows, ascending."""
    flagged: Mapping[str, int]
    """Rule code → rows that were kept but flagged."""
    imputed: Mapping[str, int]
    """Field → rows whose empty value was filled in, `GUEST` and `Unknown` included."""
    refused_by_code: Mapping[str, int]


def read_files(
    sources: Sequence[str],
    layout: Layout,
    connection: duckdb.DuckDBPyConnection,
    *,
    retailer_id: str | None = None,
    max_reject_share: float,
    progress: Callable[[str, float], None] = _NO_PROGRESS,
) -> FilesRead:
    """Fill `landed_records`, `refused_rows`, `flagged_rows` and `typed_rows` from files, folders and globs.

    `progress` hears of each step and the share of the work that is done, 0 to 1. Raises FixConfiguration or StopRun
    that name file, line, column and value; the tables are of no use then.
    """
    files = find_files(sources)
    with tempfile.TemporaryDirectory(prefix="retail-files-") as directory, ThreadPoolExecutor(1) as pool:
        digests = [pool.submit(file.sha256) for file in files]
        loaded, header = _load(connection, files, layout, Path(directory), progress)
        return _clean(
            connection, layout, retailer_id or layout.retailer_id, max_reject_share, loaded, header, digests, progress
        )


def _load(
    connection: duckdb.DuckDBPyConnection,
    files: list[StoredFile],
    layout: Layout,
    directory: Path,
    progress: Callable[[str, float], None],
) -> tuple[list[LoadedFile], list[str]]:
    dialects = [look_at(file, layout.format, connection) for file in files]
    header = list(dict.fromkeys(name for dialect in dialects for name in dialect.header if name))
    create_source_rows(connection, len(header))
    loaded: list[LoadedFile] = []
    for file, dialect in zip(files, dialects, strict=True):
        progress(f"reading {file.name}", 0.5 * len(loaded) / len(files))
        loaded.append(
            load_file(
                connection, file, dialect, columns=header, digest_of=layout.duplicate_key or None, directory=directory
            )
        )
        file.check_unchanged()
    rows = ", ".join(f"({found.file.number}, {found.first_row})" for found in loaded)
    connection.execute(f"CREATE OR REPLACE TABLE source_files AS SELECT * FROM (VALUES {rows}) AS v(number, first_row)")
    return loaded, header


def _clean(
    connection: duckdb.DuckDBPyConnection,
    layout: Layout,
    retailer_id: str,
    max_reject_share: float,
    loaded: list[LoadedFile],
    header: list[str],
    digests: list[Future[str]],
    progress: Callable[[str, float], None],
) -> FilesRead:
    progress("reading values", 0.5)
    cells = {name: f"s.c{number}" for number, name in enumerate(header)}
    values = read_values(connection, layout, cells)
    create_views(connection, layout, values)
    progress("checking rows", 0.6)
    landed = land(connection, layout, retailer_id)
    rows = sum(found.rows + len(found.broken) for found in loaded)
    refused = refuse(connection, layout, values, header, loaded, landed)
    files = tuple(_source_file(found, digest.result()) for found, digest in zip(loaded, digests, strict=True))
    check_share(connection, files, rows, refused, max_reject_share)
    progress("flagging rows", 0.9)
    flagged = flag(connection, layout, values)
    days = connection.execute(
        "SELECT DISTINCT business_date FROM landed_records"
        " UNION SELECT DISTINCT business_date FROM refused_rows ORDER BY business_date"
    ).fetchall()
    progress("read", 1.0)
    return FilesRead(
        retailer_id=retailer_id,
        layout_name=layout.name,
        files=files,
        rows=rows,
        landed=landed,
        refused=refused,
        days=tuple(day for (day,) in days),
        flagged=flagged,
        imputed={field: found.missing_rows for field, found in values.items() if found.missing_rows},
        refused_by_code=dict(
            connection.execute("SELECT code, count(*) FROM refused_rows GROUP BY code ORDER BY code").fetchall()
        ),
    )


def _source_file(found: LoadedFile, sha256: str) -> SourceFile:
    file = found.file
    return SourceFile(
        number=file.number,
        name=file.name,
        path=str(file.path),
        sha256=sha256,
        size_bytes=file.size_bytes,
        rows=found.rows + len(found.broken),
        encoding=found.encoding,
        delimiter=found.dialect.delimiter,
        compression=file.compression,
    )
