"""Writes partitions to the raw zone, many in one transaction: data, rejected rows, dead letters, and manifests last."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb

from ingestion.landing.control_totals import DayContents
from ingestion.landing.rejected_rows import Places, rejected_lines
from ingestion.landing.serialise import DayText
from ingestion.landing.source_partitions import WrittenPartition
from shared import dead_letters
from shared.database import Connection, Cursor, lock_key, transaction
from shared.dead_letters import Origin
from shared.partition_versions import drop_copies, keep_version
from shared.partitions import (
    ControlReport,
    Manifest,
    RequestWindow,
    SourceFileReference,
    manifest_key,
    raw_key,
    rejected_key,
)
from shared.s3_client import Bucket
from shared.version import CODE_VERSION

_PUTS_IN_FLIGHT = 8
_NDJSON = "application/x-ndjson"
# Locks are taken in the order of their keys, so that two runs that need the same locks cannot deadlock.
_LOCK = "SELECT pg_advisory_xact_lock(key) FROM (SELECT key FROM unnest(%s) AS key ORDER BY key OFFSET 0) AS keys"
_RESOLVE = """
UPDATE ops.dead_letters SET status = 'resolved'
WHERE retailer_id = %s AND business_date = ANY (%s) AND stage = 'ingest' AND status = 'open' AND last_seen_at <> %s
"""


@dataclass(frozen=True)
class ChangesRead:
    """What the day's manifest declares about the change listing and the other dates landed in the same run."""

    since: datetime | None = None
    until: datetime | None = None
    other_dates: tuple[date, ...] = ()


NO_CHANGES = ChangesRead()


@dataclass(frozen=True)
class RawZone:
    """Where partitions are landed, and by which run."""

    bucket: Bucket
    dsn: str
    run_id: str


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


class PartitionWriter:
    """Writes chunks of one retailer's dates over a few connections to S3 and one to the warehouse."""

    def __init__(
        self,
        zone: RawZone,
        connection: Connection,
        rejected: duckdb.DuckDBPyConnection,
        *,
        retailer_id: str,
        place_of: Places,
        requested_from: datetime,
        clock: Callable[[], datetime],
    ) -> None:
        """`rejected` is a cursor of the thread that writes."""
        self._zone, self._connection, self._rejected = zone, connection, rejected
        self._retailer_id, self._place_of = retailer_id, place_of
        self._requested_from, self._clock = requested_from, clock
        self._pool = ThreadPoolExecutor(_PUTS_IN_FLIGHT, thread_name_prefix="s3-put")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def write_chunk(self, chunk: Sequence[PartitionToWrite]) -> dict[date, WrittenPartition]:
        """Write all partitions of a chunk. After an error, those without a manifest do not count as landed."""
        with transaction(self._connection) as cursor:
            cursor.execute(_LOCK, ([lock_key("raw", self._retailer_id, part.day) for part in chunk],))
            now = self._clock()
            copies = [key for keys in self._pool.map(self._keep, chunk) for key in keys]
            raw = list(self._pool.map(self._put_raw, chunk))
            rejected = self._reject(cursor, chunk, now)
            put = partial(self._put_manifest, rejected=rejected, now=now)
            written = dict(self._pool.map(put, chunk, raw))
            drop_copies(self._zone.bucket, copies)
            return written

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
        cursor.execute(_RESOLVE, (self._retailer_id, [part.day for part in chunk], now))
        return written

    def _put_rejected(self, cursor: Cursor, day: date, now: datetime) -> str:
        key = rejected_key(self._retailer_id, day)
        with tempfile.TemporaryDirectory(prefix="retail-rejected-") as directory:
            path = Path(directory) / "rejected.json"
            with path.open("wb") as file:
                file.writelines(rejected_lines(self._rejected, day, self._place_of))
            self._zone.bucket.put(key, path, content_type=_NDJSON)
            with path.open("rb") as lines:
                sha256 = hashlib.file_digest(lines, "sha256").hexdigest()
                lines.seek(0)
                origin = Origin(self._retailer_id, day, "ingest", self._zone.run_id, key, now)
                dead_letters.record(cursor, lines, origin)
        return sha256

    def _put_manifest(
        self, part: PartitionToWrite, put: tuple[str, str], *, rejected: Mapping[date, str], now: datetime
    ) -> tuple[date, WrittenPartition]:
        contents, (raw_tag, sha256) = part.contents, put
        manifest = Manifest(
            retailer_id=self._retailer_id,
            business_date=part.day,
            run_id=self._zone.run_id,
            object_key=raw_key(self._retailer_id, part.day),
            sha256=sha256,
            size_bytes=part.text.size_bytes,
            fetched=contents.landed + contents.rejected,
            landed=contents.landed,
            rejected=contents.rejected,
            rejected_sha256=rejected.get(part.day),
            distinct=contents.distinct,
            amounts=contents.amounts,
            sources=part.sources,
            control_report=part.control_report,
            window=RequestWindow(
                requested_from=self._requested_from,
                requested_until=max(now, self._requested_from),
                changes_since=part.changes.since,
                changes_until=part.changes.until,
            ),
            other_dates=part.changes.other_dates,
            code_version=CODE_VERSION,
            written_at=now,
        )
        body = manifest.model_dump_json(indent=1).encode()
        tag = self._zone.bucket.put(manifest_key(self._retailer_id, part.day), body)
        return part.day, WrittenPartition(manifest, raw_tag, tag, part.digest)
