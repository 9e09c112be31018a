"""Which business dates of files are new or changed, and what becomes of dates that other files brought before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import duckdb
from pydantic import ValidationError

from ingestion.landing.contents import day_digests
from ingestion.landing.overlap import Overlap
from ingestion.landing.overlay import append_landed
from ingestion.landing.source_partitions import FileRead, LoadedPartition, find_partitions
from ingestion.landing.write import RawZone
from shared.database import session, transaction
from shared.errors import StopRun
from shared.partitions import Manifest, SourceFileReference, manifest_key, raw_key
from shared.s3_bulk import ObjectMark

_NOT_A_FILE = "the retailer's own system"
_NAMED = 5


class ReadFiles(Protocol):
    """What was read (`ingestion.mapping.reading.FilesRead`); the rows stand in the connection's tables."""

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
    """What is to be landed. `landed_records` and its sisters hold the changed dates only."""

    digests: Mapping[date, str]
    """New and changed dates, ascending, with the digest of their content."""
    sources: Mapping[date, tuple[SourceFileReference, ...]]
    """The files that each of them comes from."""
    landed_before: frozenset[date]
    """Those that the raw zone holds something of."""
    unchanged: Mapping[date, LoadedPartition]
    """Dates that stand in raw zone and star exactly so."""


def plan_landing(
    read: ReadFiles, connection: duckdb.DuckDBPyConnection, zone: RawZone, overlap: Overlap
) -> LandingPlan:
    """Compare what was read with what is landed; take the unchanged dates out of the tables.

    Raises StopRun for dates that other files brought, when `overlap` says stop.
    """
    with ThreadPoolExecutor(1) as pool:
        listing = pool.submit(zone.bucket.marks, f"raw/{read.retailer_id}/")
        digests = day_digests(connection)
        with session(zone.dsn, application_name="retail-ingest") as warehouse, transaction(warehouse) as cursor:
            known = find_partitions(cursor, read.retailer_id, list(digests))
            standing = _LandedState(read.retailer_id, known, listing.result(), zone)
            sources = _sources(read, connection)
            if foreign := standing.from_other_files(standing.changed(digests), sources):
                if overlap is Overlap.STOP:
                    raise _overlapping(read, foreign)
                if overlap is Overlap.APPEND:
                    append_landed(connection, cursor, zone.bucket, foreign)
                    digests |= {day: digest for day, digest in day_digests(connection).items() if day in foreign}
                    sources |= {day: _united(sources[day], manifest.sources) for day, manifest in foreign.items()}
    changed = standing.changed(digests)
    unchanged = {day: known[day] for day in sorted(digests) if day not in changed}
    if unchanged:
        _keep_only(connection, changed)
    return LandingPlan(
        {day: digests[day] for day in sorted(changed)},
        {day: sources[day] for day in changed},
        frozenset(day for day in changed if standing.is_landed(day)),
        unchanged,
    )


class _LandedState:
    """What warehouse and raw zone hold of a retailer's dates."""

    def __init__(
        self,
        retailer_id: str,
        known: Mapping[date, LoadedPartition],
        objects: Mapping[str, ObjectMark],
        zone: RawZone,
    ) -> None:
        self._retailer_id, self._known, self._objects, self._zone = retailer_id, known, objects, zone

    def changed(self, digests: Mapping[date, str]) -> set[date]:
        """Dates that do not stand exactly so."""
        return {
            day
            for day, digest in digests.items()
            if day not in self._known
            or self._known[day].content_digest != digest
            or not self._known[day].stands(self._retailer_id, day, self._objects)
        }

    def is_landed(self, day: date) -> bool:
        """Whether the raw zone holds something of the date."""
        return bool({raw_key(self._retailer_id, day), manifest_key(self._retailer_id, day)} & self._objects.keys())

    def from_other_files(
        self, days: set[date], sources: Mapping[date, tuple[SourceFileReference, ...]]
    ) -> dict[date, Manifest]:
        """Dates with landed records of which not all come from files of the same names; with their manifests."""
        found = {}
        for day in sorted(days):
            manifest = self._manifest(day)
            names = {source.name for source in sources[day]}
            if manifest is not None and not {source.name for source in manifest.sources or _no_files()} <= names:
                found[day] = manifest
        return found

    def _manifest(self, day: date) -> Manifest | None:
        key = manifest_key(self._retailer_id, day)
        if key not in self._objects:
            return None
        if day in self._known and self._known[day].manifest_e_tag == self._objects[key].e_tag:
            return self._known[day].manifest
        try:
            return Manifest.model_validate_json(self._zone.bucket.read(key))
        except ValidationError:
            return None  # unreadable: nothing that the star could have been loaded from


def _no_files() -> tuple[SourceFileReference, ...]:
    return (SourceFileReference(name=_NOT_A_FILE, sha256=""),)


def _united(
    ours: tuple[SourceFileReference, ...], theirs: tuple[SourceFileReference, ...]
) -> tuple[SourceFileReference, ...]:
    names = {source.name for source in ours}
    return (*(source for source in theirs if source.name not in names), *ours)


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


def _overlapping(read: ReadFiles, foreign: Mapping[date, Manifest]) -> StopRun:
    names = sorted({source.name for manifest in foreign.values() for source in manifest.sources or _no_files()})
    days = [str(day) for day in sorted(foreign)]
    shown = ", ".join(days[:_NAMED]) + (f" and {len(days) - _NAMED} more" if len(days) > _NAMED else "")
    return StopRun(
        f"{', '.join(file.name for file in read.files)}: {shown} of {read.retailer_id} came from {', '.join(names)}"
        " before. Nothing was loaded. Say --on-overlap replace if these files are the whole truth about those dates,"
        " or --on-overlap append to add their records to what is there."
    )


def _keep_only(connection: duckdb.DuckDBPyConnection, days: set[date]) -> None:
    for table in ("landed_records", "rejected_rows", "flagged_rows"):
        if days:
            connection.execute(f"DELETE FROM {table} WHERE NOT list_contains(?, business_date)", [sorted(days)])  # noqa: S608
        else:
            connection.execute(f"TRUNCATE {table}")
