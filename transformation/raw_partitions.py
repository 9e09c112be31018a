"""Raw partitions read back: found by their manifests, checked against them, in one table of columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
from pydantic import ValidationError

from ingestion.models.columnar import COLUMNS, completed
from shared.errors import StopRun
from shared.landed_batch import RECORDS_TABLE, LandedBatch
from shared.partition_versions import Readable, download_records
from shared.partitions import ForeignManifest, Manifest, manifest_key, read_manifest_of
from shared.s3_errors import ObjectMissing

MEMORY_LIMIT = "512MB"
"""What DuckDB may use for one load; beyond it works on disk."""

_READ_ATTEMPTS = 3
_DOWNLOADS = 6
"""Objects downloaded at once."""


@contextmanager
def columnar_workspace(directory: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of the load's own, in UTC, that spills to `directory`."""
    connection = duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(directory / "spill")})
    try:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        yield connection
    finally:
        connection.close()


def read_manifest(bucket: Readable, retailer_id: str, day: date) -> Manifest:
    """The manifest of a raw partition. Raises StopRun if nothing was landed, or if it is that of another partition."""
    try:
        return read_manifest_of(retailer_id, day, bucket.read(manifest_key(retailer_id, day)))
    except ObjectMissing as error:
        raise StopRun(
            f"{retailer_id} has no landed data for {day}. Run: python -m ingestion.main {day} --retailer {retailer_id}"
        ) from error
    except ForeignManifest as error:
        raise StopRun(
            f"The manifest of {retailer_id} {day} is not its own: {error}. Its objects were copied from elsewhere"
            f" and are not loaded. Run: python -m ingestion.main {day} --retailer {retailer_id}"
        ) from error
    except ValidationError as error:
        raise StopRun(
            f"The manifest of {retailer_id} {day} is unreadable ({error.error_count()} faults)."
            f" Run: python -m ingestion.main {day} --retailer {retailer_id}"
        ) from error


def read_partitions(
    bucket: Readable,
    retailer_id: str,
    days: Sequence[date],
    directory: Path,
    connection: duckdb.DuckDBPyConnection,
) -> LandedBatch:
    """Download partitions into `connection`'s table of landed records.

    Raises StopRun when an object is not the one its manifest names or does not follow the contract. Whether it
    holds as much as the manifest says is checked by the load.
    """
    ordered = tuple(sorted(set(days)))
    create_records_table(connection)
    manifests: dict[date, Manifest] = {}

    def fetch(day: date) -> tuple[Manifest, Path]:
        path = directory / f"{retailer_id}-{day}.json"
        return _download(bucket, retailer_id, day, path), path

    with ThreadPoolExecutor(min(_DOWNLOADS, max(1, len(ordered))), thread_name_prefix="download") as pool:
        for day, (manifest, path) in zip(ordered, pool.map(fetch, ordered), strict=True):
            manifests[day] = manifest
            _read_lines(connection, path, manifest)
            path.unlink()
    return LandedBatch(retailer_id, ordered, connection, _already(manifests))


def create_records_table(connection: duckdb.DuckDBPyConnection) -> None:
    """Create or empty `RECORDS_TABLE`."""
    connection.execute(f"CREATE OR REPLACE TABLE {RECORDS_TABLE} ({', '.join(f'{n} {t}' for n, t in COLUMNS.items())})")


def insert_lines(connection: duckdb.DuckDBPyConnection, raw_files: Sequence[Path], *, named: bool = False) -> None:
    """Append the lines of raw objects to `RECORDS_TABLE`; if `named`, its last column takes the file of each line.

    Raises duckdb.Error if they do not follow the contract; nothing is appended then.
    """
    files = ", ".join(f"'{quoted(file)}'" for file in raw_files)
    options = f"format = 'newline_delimited', columns = {json.dumps(COLUMNS)}" + ", filename = true" * named
    connection.execute(f"INSERT INTO {RECORDS_TABLE} SELECT {completed()} FROM read_json([{files}], {options})")  # noqa: S608


def _already(manifests: Mapping[date, Manifest]) -> Callable[[], Mapping[date, Manifest]]:
    return lambda: manifests


def _download(bucket: Readable, retailer_id: str, day: date, path: Path) -> Manifest:
    # A landing that ends while we read removes what the manifest described; then the new one is read.
    for _ in range(_READ_ATTEMPTS):
        manifest = read_manifest(bucket, retailer_id, day)
        if download_records(bucket, manifest, path):
            return manifest
    raise StopRun(
        f"The raw object of {retailer_id} {day} is not the one its manifest names (another checksum): it was changed or"
        f" removed. Run: python -m ingestion.main {day} --retailer {retailer_id}"
    )


def _read_lines(connection: duckdb.DuckDBPyConnection, raw_file: Path, manifest: Manifest) -> None:
    before = _count(connection)
    try:
        insert_lines(connection, [raw_file])
    except duckdb.Error as error:
        raise StopRun(
            f"The raw object of {manifest.retailer_id} {manifest.business_date} does not follow the contract:"
            f" {str(error).splitlines()[0]}. Land it again: python -m ingestion.main {manifest.business_date}"
            f" --retailer {manifest.retailer_id}"
        ) from error
    wrong = connection.execute(
        f"SELECT count(*) FROM {RECORDS_TABLE}"  # noqa: S608 - a constant
        " WHERE rowid >= ? AND (retailer_id <> ? OR business_date <> ?)",
        [before, manifest.retailer_id, manifest.business_date],
    ).fetchone()
    if wrong and wrong[0]:
        raise StopRun(
            f"{wrong[0]} records in the partition {manifest.retailer_id} {manifest.business_date} belong to another"
            " retailer or date. Land it again."
        )


def _count(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute(f"SELECT count(*) FROM {RECORDS_TABLE}").fetchone()  # noqa: S608 - a constant
    return int(row[0]) if row else 0


def quoted(path: Path) -> str:
    """A path for use between single quotes in SQL."""
    return str(path).replace("'", "''")
