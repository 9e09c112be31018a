"""Writes partitions to the raw zone, many in one transaction: data, rejected rows, dead letters; later manifests.

Readers get the version before until the manifest is written. A caller that decides meanwhile not to publish the data
writes no manifests; the partitions are then as after a landing that was killed (`shared.partition_versions`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb

from ingestion.landing.control_totals import DayContents
from ingestion.landing.rejected_rows import RowOrigin, rejected_lines
from ingestion.landing.serialise import DayText
from ingestion.landing.source_partitions import WrittenPartition, write_flags
from shared import dead_letters
from shared.database import Connection, Cursor, lock_key, lock_name, session, transaction
from shared.dead_letters import Origin
from shared.errors import RetryLater
from shared.partition_versions import drop_copies, keep_version
from shared.partitions import (
    ControlReport,
    Manifest,
    RequestWindow,
    SourceDescription,
    SourceFileReference,
    manifest_key,
    raw_key,
    rejected_key,
)
from shared.s3_client import Bucket
from shared.scratch import scratch_directory
from shared.version import CODE_VERSION

CHUNK_DAYS = 32
"""How many dates are written in one transaction, and so how many locks are held."""
_PUTS_IN_FLIGHT = 8
_NDJSON = "application/x-ndjson"
# Locks are taken in the order of their keys, so that two runs that need the same locks cannot deadlock.
_LOCK = (
    "SELECT ops.wait_for_lock(name, key)"
    " FROM (SELECT name, key FROM unnest(%s, %s) AS locks (name, key) ORDER BY key OFFSET 0) AS ordered"
)


@dataclass(frozen=True)
class ChangesRead:
    """What the day's manifest declares about the change listing and the other dates landed in the same run."""

    since: datetime | None = None
    """From when on changes were requested; None if they were not."""
    until: datetime | None = None
    """Up to when the list says them; None if there is none."""
    from_position: str | None = None
    to_position: str | None = None
    """The same as positions, where the source lists by them: see `Changes.position`."""
    other_dates: tuple[date, ...] = ()


NO_CHANGES = ChangesRead()


@dataclass(frozen=True)
class RawZone:
    """Where partitions are landed, and by which run."""

    bucket: Bucket
    dsn: str
    run_id: str
    source: SourceDescription | None = None
    """What the manifests say of the source."""


@dataclass(frozen=True)
class PartitionToWrite:
    """A partition with everything its manifest declares."""

    text: DayText
    contents: DayContents
    sources: tuple[SourceFileReference, ...] = ()
    digest: str = ""
    was_landed: bool = True
    """Whether the raw zone may already have an object of this date."""
    control_report: ControlReport | None = None
    changes: ChangesRead = NO_CHANGES

    @property
    def day(self) -> date:
        """Its business date."""
        return self.text.business_date


@dataclass(frozen=True)
class PartitionData:
    """A partition whose data is written, and which is complete with its manifest."""

    manifest: Manifest
    raw_e_tag: str
    content_digest: str
    copies: tuple[str, ...]
    """Keys of what is kept of the version before."""


class PartitionWriter:
    """Writes chunks of one retailer's dates over a few connections to S3 and one to the warehouse."""

    def __init__(
        self,
        zone: RawZone,
        connection: Connection,
        rejected: duckdb.DuckDBPyConnection,
        *,
        retailer_id: str,
        origin: RowOrigin,
        requested_from: datetime,
        clock: Callable[[], datetime],
    ) -> None:
        """`rejected` is a cursor of the thread that writes."""
        self._zone, self._connection, self._rejected = zone, connection, rejected
        self._retailer_id, self._origin = retailer_id, origin
        self._requested_from, self._clock = requested_from, clock
        self._pool = ThreadPoolExecutor(_PUTS_IN_FLIGHT, thread_name_prefix="s3-put")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def write_chunk(self, chunk: Sequence[PartitionToWrite]) -> dict[date, PartitionData]:
        """Write the data of all partitions of a chunk."""
        with transaction(self._connection) as cursor:
            return self._write_data(cursor, chunk)

    def write_complete(self, part: PartitionToWrite) -> Manifest:
        """Write a partition with its manifest and its flags: nothing has to be checked in between."""
        with transaction(self._connection) as cursor:
            data = self._write_data(cursor, [part])[part.day]
            write_flags(cursor, self._rejected, retailer_id=self._retailer_id, load_id=None, days=[part.day])
            self._zone.bucket.put(manifest_key(self._retailer_id, part.day), _manifest_body(data.manifest))
            drop_copies(self._zone.bucket, data.copies)
        return data.manifest

    def _write_data(self, cursor: Cursor, chunk: Sequence[PartitionToWrite]) -> dict[date, PartitionData]:
        _lock(cursor, self._retailer_id, [part.day for part in chunk])
        now = self._clock()
        copies = list(self._pool.map(self._keep, chunk))
        raw = list(self._pool.map(self._put_raw, chunk))
        rejected = self._reject(cursor, chunk, now)
        return {
            part.day: PartitionData(
                self._manifest(part, sha256, rejected.get(part.day), now), tag, part.digest, tuple(kept)
            )
            for part, kept, (tag, sha256) in zip(chunk, copies, raw, strict=True)
        }

    def _keep(self, part: PartitionToWrite) -> list[str]:
        if not part.was_landed:
            return []
        return keep_version(self._zone.bucket, self._retailer_id, part.day, replaced_by=part.text.sha256())

    def _put_raw(self, part: PartitionToWrite) -> tuple[str, str]:
        tag = self._zone.bucket.put(raw_key(self._retailer_id, part.day), part.text.body)
        return tag, part.text.sha256()

    def _reject(self, cursor: Cursor, chunk: Sequence[PartitionToWrite], now: datetime) -> dict[date, str]:
        """The sha256 of the rejected object of each date that has one."""
        written = {part.day: self._put_rejected(cursor, part.day, now) for part in chunk if part.contents.rejected}
        emptied = [rejected_key(self._retailer_id, p.day) for p in chunk if p.was_landed and not p.contents.rejected]
        self._zone.bucket.delete(emptied)
        days = [part.day for part in chunk]
        dead_letters.resolve_others(cursor, self._retailer_id, days, stage="ingest", seen_at=now)
        return written

    def _put_rejected(self, cursor: Cursor, day: date, now: datetime) -> str:
        key = rejected_key(self._retailer_id, day)
        with scratch_directory() as directory:
            path = Path(directory) / "rejected.json"
            with path.open("wb") as file:
                file.writelines(rejected_lines(self._rejected, day, self._origin))
            self._zone.bucket.put(key, path, content_type=_NDJSON)
            with path.open("rb") as lines:
                sha256 = hashlib.file_digest(lines, "sha256").hexdigest()
                lines.seek(0)
                of = Origin(self._retailer_id, day, "ingest", self._zone.run_id, key, now)
                dead_letters.record(cursor, lines, of)
        return sha256

    def _manifest(self, part: PartitionToWrite, sha256: str, rejected_sha256: str | None, now: datetime) -> Manifest:
        contents = part.contents
        return Manifest(
            retailer_id=self._retailer_id,
            business_date=part.day,
            run_id=self._zone.run_id,
            object_key=raw_key(self._retailer_id, part.day),
            sha256=sha256,
            size_bytes=part.text.size_bytes,
            fetched=contents.landed + contents.rejected,
            landed=contents.landed,
            rejected=contents.rejected,
            rejected_sha256=rejected_sha256,
            distinct=contents.distinct,
            amounts=contents.amounts,
            source=self._zone.source,
            sources=part.sources,
            control_report=part.control_report,
            window=RequestWindow(
                requested_from=self._requested_from,
                requested_until=max(now, self._requested_from),
                changes_since=part.changes.since,
                changes_until=part.changes.until,
                changes_from_position=part.changes.from_position,
                changes_to_position=part.changes.to_position,
            ),
            other_dates=part.changes.other_dates,
            code_version=CODE_VERSION,
            written_at=now,
        )


def write_manifests(
    zone: RawZone,
    retailer_id: str,
    data: Mapping[date, PartitionData],
    another_ingest: Callable[[Cursor], bool],
    written: dict[date, WrittenPartition],
) -> None:
    """Complete the partitions, and add them to `written`: from now on readers get them.

    `another_ingest` says whether another run may have landed something since. Raises RetryLater when one landed a date
    that is not complete yet; the dates in `written` stay as they are.
    """

    def put(day: date) -> tuple[date, WrittenPartition]:
        part = data[day]
        tag = zone.bucket.put(manifest_key(retailer_id, day), _manifest_body(part.manifest))
        return day, WrittenPartition(part.manifest, part.raw_e_tag, tag, part.content_digest)

    with (
        session(zone.dsn, application_name="retail-ingest") as connection,
        ThreadPoolExecutor(_PUTS_IN_FLIGHT, thread_name_prefix="s3-put") as pool,
    ):
        ordered = sorted(data)
        for start in range(0, len(ordered), CHUNK_DAYS):
            days = ordered[start : start + CHUNK_DAYS]
            with transaction(connection) as cursor:
                _lock(cursor, retailer_id, days)
                if another_ingest(cursor):
                    _check_unchanged(zone.bucket, retailer_id, {day: data[day].raw_e_tag for day in days})
                written.update(pool.map(put, days))
                drop_copies(zone.bucket, [key for day in days for key in data[day].copies])


def _manifest_body(manifest: Manifest) -> bytes:
    return manifest.model_dump_json(indent=1).encode()


def _lock(cursor: Cursor, retailer_id: str, days: Sequence[date]) -> None:
    parts = [("raw", retailer_id, day) for day in days]
    cursor.execute(_LOCK, ([lock_name(*each) for each in parts], [lock_key(*each) for each in parts]))


def _check_unchanged(bucket: Bucket, retailer_id: str, tags: Mapping[date, str]) -> None:
    objects = bucket.list(f"raw/{retailer_id}/")
    keys = {raw_key(retailer_id, day): tag for day, tag in tags.items()}
    if any(key not in objects or objects[key].e_tag != tag for key, tag in keys.items()):
        raise RetryLater(f"{retailer_id} was landed again by another run meanwhile. Nothing was loaded; run again.")
