"""One raw partition, read, checked against its manifest, deduplicated and written as Parquet and as COPY input."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
from pydantic import ValidationError

from ingestion.models.columnar import COLUMNS
from shared.database import read_sql
from shared.errors import StopRun
from shared.partitions import Manifest, manifest_key
from shared.s3_client import ObjectMissing, ObjectStore

MEMORY_LIMIT = "512MB"
"""What DuckDB may use for one partition; beyond it works on disk."""

_SQL = Path(__file__).parent / "sql"
_READ_ATTEMPTS = 3


@dataclass(frozen=True)
class ConformedPartition:
    """A partition ready to load: its files and its balance."""

    manifest: Manifest
    rows: int
    """Distinct natural keys, the lines of `copy_file`."""
    duplicates: int
    landed_amounts: dict[str, Decimal]
    """Signed net money per currency of all landed records, copies included."""
    kept_amounts: dict[str, Decimal]
    """The same without the copies."""
    last_transaction_id: str | None
    parquet_file: Path
    copy_file: Path


def read_manifest(store: ObjectStore, bucket: str, retailer_id: str, day: date) -> Manifest:
    """The manifest of a raw partition. Raises StopRun when there is none, so when nothing was landed."""
    try:
        return Manifest.model_validate_json(store.read_bytes(bucket, manifest_key(retailer_id, day)))
    except ObjectMissing as error:
        raise StopRun(
            f"{retailer_id} has no landed data for {day}. Run: python -m ingestion.main {day} --retailer {retailer_id}"
        ) from error
    except ValidationError as error:
        raise StopRun(
            f"The manifest of {retailer_id} {day} is unreadable ({error.error_count()} faults)."
            f" Run: python -m ingestion.main {day} --retailer {retailer_id}"
        ) from error


def conform_partition(
    store: ObjectStore, bucket: str, retailer_id: str, day: date, directory: Path
) -> ConformedPartition:
    """Download, check and conform one raw partition into files under `directory`.

    Raises StopRun when the object is not the one its manifest speaks of or does not hold what that says.
    """
    raw_file = directory / f"{retailer_id}-{day}.json"
    manifest = _download(store, bucket, retailer_id, day, raw_file)
    parquet_file, copy_file = raw_file.with_suffix(".parquet"), raw_file.with_suffix(".csv")
    connection = duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(directory / "spill")})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        _read_lines(connection, raw_file, manifest)
        connection.execute(read_sql(_SQL / "conform_partition.sql"))
        landed, landed_amounts = _totals(connection, "landed_records")
        rows, kept_amounts = _totals(connection, "conformed")
        _check(manifest, landed, rows, landed_amounts)
        connection.execute(f"COPY conformed TO '{_quoted(parquet_file)}' (FORMAT parquet, COMPRESSION zstd)")
        export = read_sql(_SQL / "export_staging.sql").rstrip().rstrip(";")
        connection.execute(f"COPY ({export}) TO '{_quoted(copy_file)}' (FORMAT csv, HEADER false, NULLSTR '\\N')")
        last = connection.execute(
            "SELECT transaction_id FROM conformed ORDER BY sold_at DESC, transaction_id DESC LIMIT 1"
        ).fetchone()
    finally:
        connection.close()
        raw_file.unlink(missing_ok=True)
    return ConformedPartition(
        manifest=manifest,
        rows=rows,
        duplicates=landed - rows,
        landed_amounts=landed_amounts,
        kept_amounts=kept_amounts,
        last_transaction_id=last[0] if last else None,
        parquet_file=parquet_file,
        copy_file=copy_file,
    )


def _download(store: ObjectStore, bucket: str, retailer_id: str, day: date, path: Path) -> Manifest:
    # Another run may be replacing the partition: object first, manifest last. Then the pair fits a moment later.
    for _ in range(_READ_ATTEMPTS):
        manifest = read_manifest(store, bucket, retailer_id, day)
        if store.download(bucket, manifest.object_key, path) == manifest.sha256:
            return manifest
    raise StopRun(
        f"The raw object of {retailer_id} {day} is not the one its manifest names (another checksum): its landing was"
        f" cut off. Run: python -m ingestion.main {day} --retailer {retailer_id}"
    )


def _read_lines(connection: duckdb.DuckDBPyConnection, raw_file: Path, manifest: Manifest) -> None:
    try:
        connection.execute(
            "CREATE TEMP TABLE landed_records AS SELECT * FROM read_json("  # noqa: S608 - our own path and columns
            f"'{_quoted(raw_file)}', format = 'newline_delimited', columns = {json.dumps(COLUMNS)})"
        )
        wrong = connection.execute(
            "SELECT count(*) FROM landed_records WHERE retailer_id <> ? OR business_date <> ?",
            [manifest.retailer_id, manifest.business_date],
        ).fetchone()
    except duckdb.Error as error:
        raise StopRun(
            f"The raw object of {manifest.retailer_id} {manifest.business_date} does not follow the contract:"
            f" {str(error).splitlines()[0]}. Land it again: python -m ingestion.main {manifest.business_date}"
            f" --retailer {manifest.retailer_id}"
        ) from error
    if wrong and wrong[0]:
        raise StopRun(
            f"{wrong[0]} records in the partition {manifest.retailer_id} {manifest.business_date} belong to another"
            " retailer or date. Land it again."
        )


def _totals(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[int, dict[str, Decimal]]:
    found = connection.execute(
        f"SELECT currency, count(*), sum(net_amount) FROM {table} GROUP BY currency ORDER BY currency"  # noqa: S608
    ).fetchall()
    return sum(row[1] for row in found), {row[0]: row[2] for row in found}


def _check(manifest: Manifest, landed: int, rows: int, amounts: dict[str, Decimal]) -> None:
    stated = {currency: control.landed for currency, control in manifest.amounts.items() if control.landed}
    found = {currency: amount for currency, amount in amounts.items() if amount}
    if (landed, rows) != (manifest.landed, manifest.distinct) or stated != found:
        raise StopRun(
            f"{manifest.retailer_id} {manifest.business_date} does not reconcile with its manifest: {landed} records,"
            f" {rows} distinct, {found} found; {manifest.landed}, {manifest.distinct}, {stated} stated. Nothing was"
            f" published. Land it again: python -m ingestion.main {manifest.business_date}"
            f" --retailer {manifest.retailer_id}"
        )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
