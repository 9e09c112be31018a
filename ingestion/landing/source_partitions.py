"""Reads and writes the operational tables of file loads: loaded partitions, the files they came from, and flags."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Protocol

import duckdb
from psycopg2.extras import execute_values

from shared.database import Cursor, read_sql
from shared.partitions import Manifest, manifest_key, raw_key
from shared.s3_client import ObjectInfo
from shared.scratch import scratch_directory

_SQL = Path(__file__).parent / "sql"


class FileRead(Protocol):
    """A file as `ops.source_files` describes it (`ingestion.connectors.files.sources.SourceFile`)."""

    @property
    def number(self) -> int: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def sha256(self) -> str: ...  # noqa: D102
    @property
    def size_bytes(self) -> int: ...  # noqa: D102
    @property
    def rows(self) -> int: ...  # noqa: D102
    @property
    def encoding(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class LoadedPartition:
    """A date as it was last loaded from files."""

    content_digest: str
    raw_e_tag: str
    manifest_e_tag: str
    manifest_json: str
    loaded_sha256: str
    """SHA-256 of the raw object that the warehouse was last loaded from."""
    duplicate: int
    """Duplicates that the load left out of the warehouse, by the ledger."""
    in_warehouse: int
    amounts_json: str
    """JSON: currency → net money of the duplicates and of the loaded rows, as texts."""

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest written by that landing."""
        return Manifest.model_validate_json(self.manifest_json)

    @property
    def amounts(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Signed net money by currency: of the duplicates, and of the rows in the warehouse."""
        texts: dict[str, list[str]] = json.loads(self.amounts_json)
        return {
            currency: (Decimal(duplicate), Decimal(in_warehouse))
            for currency, (duplicate, in_warehouse) in texts.items()
        }

    def is_unchanged(self, retailer_id: str, day: date, objects: Mapping[str, ObjectInfo]) -> bool:
        """Whether the raw zone and the warehouse still have what that landing wrote."""
        raw, manifest = objects.get(raw_key(retailer_id, day)), objects.get(manifest_key(retailer_id, day))
        return (
            raw is not None
            and manifest is not None
            and (raw.e_tag, manifest.e_tag) == (self.raw_e_tag, self.manifest_e_tag)
            and self.manifest.sha256 == self.loaded_sha256
        )


@dataclass(frozen=True)
class WrittenPartition:
    """A partition that this landing wrote."""

    manifest: Manifest
    raw_e_tag: str
    manifest_e_tag: str
    content_digest: str


def find_partitions(cursor: Cursor, retailer_id: str, days: Sequence[date]) -> dict[date, LoadedPartition]:
    """What was last loaded of these dates."""
    cursor.execute(read_sql(_SQL / "find_source_partitions.sql"), {"retailer_id": retailer_id, "days": list(days)})
    return {day: LoadedPartition(*rest) for day, *rest in cursor.fetchall()}


def another_ingest(cursor: Cursor, run_id: str, since: datetime) -> bool:
    """Whether another run may have landed anything, of any retailer, since then. A killed run counts as well."""
    cursor.execute(read_sql(_SQL / "another_ingest.sql"), {"run_id": run_id, "since": since})
    return cursor.fetchone() is not None


def write_partitions(cursor: Cursor, retailer_id: str, load_id: int, written: Mapping[date, WrittenPartition]) -> None:
    """Record what the files contained of each date."""
    rows = [
        (
            retailer_id,
            day,
            load_id,
            [source.name for source in partition.manifest.sources],
            partition.content_digest,
            partition.raw_e_tag,
            partition.manifest_e_tag,
            partition.manifest.model_dump_json(),
        )
        for day, partition in sorted(written.items())
    ]
    execute_values(cursor, read_sql(_SQL / "write_source_partitions.sql"), rows, page_size=500)


def write_files(
    cursor: Cursor,
    load_id: int,
    files: Sequence[FileRead],
    *,
    retailer_id: str,
    layout_name: str,
    job_name: str | None,
    run_id: str,
    loaded_at: datetime,
) -> None:
    """Record which files the load read."""
    rows = [
        (
            *(load_id, file.number, retailer_id, file.name, file.sha256, file.size_bytes, file.rows, file.encoding),
            *(layout_name, job_name, run_id, loaded_at),
        )
        for file in files
    ]
    execute_values(cursor, read_sql(_SQL / "write_source_files.sql"), rows)


def write_flags(
    cursor: Cursor,
    connection: duckdb.DuckDBPyConnection,
    *,
    retailer_id: str,
    load_id: int | None,
    days: Sequence[date],
) -> None:
    """Replace the dates' rows in ops.flagged_sales with `flagged_rows`. `load_id`: None where no load flags them."""
    cursor.execute(
        "DELETE FROM ops.flagged_sales WHERE retailer_id = %s AND business_date = ANY (%s)", (retailer_id, list(days))
    )
    if not connection.cursor().execute("SELECT 1 FROM flagged_rows LIMIT 1").fetchone():
        return
    with scratch_directory() as directory:
        path = Path(directory) / "flags.csv"
        quoted = str(path).replace("'", "''")
        connection.cursor().execute(
            "COPY (SELECT DISTINCT business_date, transaction_id, line_id, rule_code FROM flagged_rows"  # noqa: S608
            f" ORDER BY ALL) TO '{quoted}' (FORMAT csv, HEADER false)"
        )
        cursor.execute(
            "CREATE TEMP TABLE new_flags (business_date date, transaction_id text, line_id text, rule_code text)"
            " ON COMMIT DROP"
        )
        with path.open("rb") as rows:
            cursor.copy_expert("COPY new_flags FROM STDIN (FORMAT csv)", rows)
    cursor.execute(
        "INSERT INTO ops.flagged_sales (retailer_id, business_date, transaction_id, line_id, rule_code, load_id)"
        " SELECT %s, business_date, transaction_id, line_id, rule_code, %s FROM new_flags",
        (retailer_id, load_id),
    )
