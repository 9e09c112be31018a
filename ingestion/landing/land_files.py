"""Lands many business dates from files in the raw zone, while the same records are loaded into the warehouse.

Landing runs in its own threads: lines come from DuckDB, objects go over a few connections, and a chunk of dates is
written while the lines of the next one are made. The manifests are written at the end, once the load has been checked:
until then readers get the version before, and an interrupted or rejected load leaves no valid partition.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from ingestion.landing.control_totals import day_contents
from ingestion.landing.plan import LandingPlan, ReadFiles
from ingestion.landing.rejected_rows import RowsOfFiles
from ingestion.landing.serialise import day_texts
from ingestion.landing.source_partitions import WrittenPartition
from ingestion.landing.write import (
    CHUNK_DAYS,
    PartitionData,
    PartitionToWrite,
    PartitionWriter,
    RawZone,
    write_manifests,
)
from shared.database import Cursor, session
from shared.errors import RetryLater
from shared.landed_batch import LandedBatch

CHUNK_BYTES = 32 * 1024 * 1024
"""How much is written in one transaction, and so how much is kept in memory; at most CHUNK_DAYS dates."""
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class BulkLanding:
    """A landing in progress."""

    batch: LandedBatch
    """The new and changed dates. Its `manifests` waits until their data is written, and raises the landing's error."""
    complete: Callable[[Callable[[Cursor], bool]], Mapping[date, WrittenPartition]]
    """Writes the manifests, so that readers get the dates; takes and raises what `write_manifests` does."""
    completed: Mapping[date, WrittenPartition]
    """The dates whose manifests are written."""


@contextmanager
def land_batch(
    read: ReadFiles,
    connection: duckdb.DuckDBPyConnection,
    zone: RawZone,
    plan: LandingPlan,
    *,
    clock: Callable[[], datetime],
    progress: Progress = lambda step, share: None,
) -> Iterator[BulkLanding]:
    """Start landing the dates of `plan`. If the block is left without `complete`, none of them is landed."""
    landing = _Landing(read, connection, zone, plan, clock, progress)
    completed: dict[date, WrittenPartition] = {}
    with ThreadPoolExecutor(1, thread_name_prefix="landing") as pool:
        future: Future[dict[date, PartitionData]] = pool.submit(landing.run)
        batch = LandedBatch(
            read.retailer_id,
            tuple(plan.digests),
            connection,
            lambda: {day: part.manifest for day, part in future.result().items()},
        )

        def complete(another_ingest: Callable[[Cursor], bool]) -> Mapping[date, WrittenPartition]:
            write_manifests(zone, read.retailer_id, future.result(), another_ingest, completed)
            return completed

        try:
            yield BulkLanding(batch, complete, completed)
        finally:
            landing.cancel()


class _Cancelled(RetryLater):
    """The work that this landing belongs to has failed."""


class _Landing:
    """Produces chunks in one thread and writes them in another, at most one chunk ahead."""

    def __init__(
        self,
        read: ReadFiles,
        connection: duckdb.DuckDBPyConnection,
        zone: RawZone,
        plan: LandingPlan,
        clock: Callable[[], datetime],
        progress: Progress,
    ) -> None:
        self._read, self._zone, self._plan = read, zone, plan
        self._lines, self._rejected = connection.cursor(), connection.cursor()
        self._clock, self._progress = clock, progress
        self._requested_from = clock()
        self._cancelled = threading.Event()
        self._written: dict[date, PartitionData] = {}

    def run(self) -> dict[date, PartitionData]:
        """Write the data of everything."""
        if not self._plan.digests:
            return {}
        with (
            session(self._zone.dsn, application_name="retail-ingest") as warehouse,
            PartitionWriter(
                self._zone,
                warehouse,
                self._rejected,
                retailer_id=self._read.retailer_id,
                origin=RowsOfFiles({file.number: file.name for file in self._read.files}),
                requested_from=self._requested_from,
                clock=self._clock,
            ) as writer,
            ThreadPoolExecutor(1, thread_name_prefix="writing") as pool,
        ):
            writing: Future[dict[date, PartitionData]] | None = None
            try:
                for chunk in self._chunks():
                    if writing is not None:
                        self._note(writing)
                    writing = pool.submit(writer.write_chunk, chunk)
            finally:
                if writing is not None:
                    self._note(writing)
                self._lines.close()  # drops its temporary tables, so that the load can use their memory
        return self._written

    def cancel(self) -> None:
        """Stop at the next opportunity."""
        self._cancelled.set()
        with suppress(duckdb.ConnectionException):  # closed: the landing has already ended
            self._lines.interrupt()

    def _note(self, writing: Future[dict[date, PartitionData]]) -> None:
        self._written |= writing.result()
        self._progress("landing", len(self._written) / len(self._plan.digests))

    def _chunks(self) -> Iterator[list[PartitionToWrite]]:
        chunk: list[PartitionToWrite] = []
        size = 0
        for part in self._days():
            chunk.append(part)
            size += part.text.size_bytes
            if len(chunk) >= CHUNK_DAYS or size >= CHUNK_BYTES:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    def _days(self) -> Iterator[PartitionToWrite]:
        self._lines.execute("SET TimeZone = 'UTC'")
        contents = day_contents(self._lines)
        plan = self._plan
        with day_texts(self._lines, {day: contents[day].landed for day in plan.digests}) as texts:
            for text in texts:
                if self._cancelled.is_set():
                    raise _Cancelled("The landing was cancelled.")
                day = text.business_date
                yield PartitionToWrite(
                    text, contents[day], plan.sources[day], plan.digests[day], day in plan.landed_before
                )
