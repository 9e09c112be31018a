"""Decides which business dates of files have to be landed: new and changed ones, subject to the overlap policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import duckdb

from ingestion.landing.control_totals import day_digests
from ingestion.landing.overlap_policy import Overlap
from ingestion.landing.overlay import append_landed
from ingestion.landing.source_partitions import FileRead, LoadedPartition, find_partitions
from ingestion.landing.write import RawZone
from shared.database import session, transaction
from shared.errors import StopRun
from shared.partition_versions import find_manifest
from shared.partitions import Manifest, SourceFileReference, manifest_key, raw_key
from shared.s3_client import ObjectInfo

_NOT_A_FILE = "the retailer's own system"
_NAMED = 5


class ReadFiles(Protocol):
    """What was read (`ingestion.connectors.files.read_files.FilesRead`). The rows are in the connection's tables."""

    @property
    def retailer_id(self) -> str: ...  # noqa: D102
    @property
    def layout_name(self) -> str: ...  # noqa: D102
    @property
    def files(self) -> Sequence[FileRead]: ...  # noqa: D102
    @property
    def days(self) -> Sequence[date]: ...  # noqa: D102


@dataclass(frozen=True)
class LandingPlan:
    """What has to be landed. `landed_records`, `rejected_rows` and `flagged_rows` hold these dates only."""

    digests: Mapping[date, str]
    """New and changed dates, ascending, with the digest of their content."""
    sources: Mapping[date, tuple[SourceFileReference, ...]]
    """The files that each date comes from."""
    landed_before: frozenset[date]
    """Those for which the raw zone already has an object."""
    unchanged: Mapping[date, LoadedPartition]
    """Dates that are in the raw zone and the warehouse with exactly this content."""


def plan_landing(
    read: ReadFiles, connection: duckdb.DuckDBPyConnection, zone: RawZone, overlap: Overlap
) -> LandingPlan:
    """Compare what was read with what is landed, and delete the unchanged dates from the tables.

    Raises StopRun for dates that were landed from other files, when `overlap` is STOP.
    """
    with ThreadPoolExecutor(1) as pool:
        listing = pool.submit(zone.bucket.list, f"raw/{read.retailer_id}/")
        digests = day_digests(connection)
        with session(zone.dsn, application_name="retail-ingest") as warehouse, transaction(warehouse) as cursor:
            known = find_partitions(cursor, read.retailer_id, list(digests))
            state = _LandedState(read.retailer_id, known, listing.result(), zone)
            sources = _sources(read, connection)
            if foreign := state.from_other_files(state.changed(digests), sources):
                if overlap is Overlap.STOP:
                    raise _overlap_error(read, foreign)
                if overlap is Overlap.APPEND:
                    append_landed(connection, cursor, zone.bucket, foreign)
                    digests |= {day: digest for day, digest in day_digests(connection).items() if day in foreign}
                    sources |= {
                        day: _merge_sources(sources[day], manifest.sources) for day, manifest in foreign.items()
                    }
    changed = state.changed(digests)
    unchanged = {day: known[day] for day in sorted(digests) if day not in changed}
    if unchanged:
        _keep_only(connection, changed)
    return LandingPlan(
        {day: digests[day] for day in sorted(changed)},
        {day: sources[day] for day in changed},
        frozenset(day for day in changed if state.is_landed(day)),
        unchanged,
    )


class _LandedState:
    """What the raw zone and the warehouse already have of a retailer's dates."""

    def __init__(
        self,
        retailer_id: str,
        known: Mapping[date, LoadedPartition],
        objects: Mapping[str, ObjectInfo],
        zone: RawZone,
    ) -> None:
        self._retailer_id, self._known, self._objects, self._zone = retailer_id, known, objects, zone

    def changed(self, digests: Mapping[date, str]) -> set[date]:
        """Dates whose content is new or differs from what is landed and loaded."""
        return {
            day
            for day, digest in digests.items()
            if day not in self._known
            or self._known[day].content_digest != digest
            or not self._known[day].is_unchanged(self._retailer_id, day, self._objects)
        }

    def is_landed(self, day: date) -> bool:
        """Whether the raw zone has an object of the date."""
        return bool({raw_key(self._retailer_id, day), manifest_key(self._retailer_id, day)} & self._objects.keys())

    def from_other_files(
        self, days: set[date], sources: Mapping[date, tuple[SourceFileReference, ...]]
    ) -> dict[date, Manifest]:
        """Dates with landed records that do not all come from files of the same names, with their manifests."""
        found = {}
        for day in sorted(days):
            manifest = self._manifest(day)
            names = {source.name for source in sources[day]}
            if manifest is not None and not {source.name for source in manifest.sources or _no_file_names()} <= names:
                found[day] = manifest
        return found

    def _manifest(self, day: date) -> Manifest | None:
        key = manifest_key(self._retailer_id, day)
        if key not in self._objects:
            return None
        if day in self._known and self._known[day].manifest_e_tag == self._objects[key].e_tag:
            return self._known[day].manifest
        return find_manifest(self._zone.bucket, self._retailer_id, day)


def _no_file_names() -> tuple[SourceFileReference, ...]:
    return (SourceFileReference(name=_NOT_A_FILE, sha256=""),)


def _merge_sources(
    new: tuple[SourceFileReference, ...], landed: tuple[SourceFileReference, ...]
) -> tuple[SourceFileReference, ...]:
    names = {source.name for source in new}
    return (*(source for source in landed if source.name not in names), *new)


def _sources(read: ReadFiles, connection: duckdb.DuckDBPyConnection) -> dict[date, tuple[SourceFileReference, ...]]:
    files = {file.number: SourceFileReference(name=file.name, sha256=file.sha256) for file in read.files}
    if len(files) == 1:
        return dict.fromkeys(read.days, tuple(files.values()))
    found = connection.execute(
        "SELECT business_date, list(DISTINCT source_file ORDER BY source_file) FROM ("
        " SELECT business_date, source_file FROM typed_rows WHERE business_date IS NOT NULL"
        " UNION SELECT business_date, source_file FROM rejected_rows) GROUP BY business_date"
    ).fetchall()
    return {day: tuple(files[number] for number in numbers) for day, numbers in found}


def _overlap_error(read: ReadFiles, foreign: Mapping[date, Manifest]) -> StopRun:
    names = sorted({source.name for manifest in foreign.values() for source in manifest.sources or _no_file_names()})
    days = [str(day) for day in sorted(foreign)]
    shown = ", ".join(days[:_NAMED]) + (f" and {len(days) - _NAMED} more" if len(days) > _NAMED else "")
    return StopRun(
        f"{', '.join(file.name for file in read.files)}: {shown} of {read.retailer_id} was landed from"
        f" {', '.join(names)} before. Nothing was loaded. Use --on-overlap replace if these files have all records of"
        " those dates, or --on-overlap append to add their records to the landed ones."
    )


def _keep_only(connection: duckdb.DuckDBPyConnection, days: set[date]) -> None:
    for table in ("landed_records", "rejected_rows", "flagged_rows"):
        if days:
            connection.execute(f"DELETE FROM {table} WHERE NOT list_contains(?, business_date)", [sorted(days)])  # noqa: S608
        else:
            connection.execute(f"TRUNCATE {table}")
