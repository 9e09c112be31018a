"""CSV files → raw zone → warehouse → views, as one job: `retail etl`.

Landing, loading and the quality report run concurrently; nothing is visible before all of it is audited and committed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.landing import source_partitions
from ingestion.landing.overlap_policy import Overlap
from pipeline.file_load_report import SnapshotReport
from pipeline.file_load_result import FileLoadResult, count_buckets, paths_by_month
from pipeline.stages import INGEST, REFRESH, TRANSFORM, StageCall
from shared.config import IngestSettings, Settings, load_settings
from shared.database import Cursor, lock_key, session
from shared.errors import FixConfiguration, RetryLater

if TYPE_CHECKING:
    import duckdb

    from ingestion.connectors.files.read_files import FilesRead
    from ingestion.landing.land_files import BulkLanding
    from ingestion.landing.plan import LandingPlan
    from ingestion.landing.write import RawZone
    from ingestion.mapping.layouts import SourceMapping
    from monitoring.lineage.flows import Flow
    from shared.partitions import Manifest
    from transformation.loads import RetailerLoad

Progress = Callable[[str, str, float], None]
"""Called with the stage, its present step, and the share of the stage that is done."""


@dataclass(frozen=True)
class FileLoadRequest:
    """What to load, and how."""

    sources: Sequence[str]
    layout: str | None = None
    """None: the known layout whose columns the files have."""
    overlap: Overlap = Overlap.STOP
    retailer_id: str | None = None
    job_name: str | None = None
    max_reject_share: float | None = None
    """None: INGEST_MAX_REJECT_SHARE."""
    report_directory: Path | None = None
    """Where the quality report goes; None for no report."""
    refresh: bool = True
    dry_run: bool = False


@dataclass
class Stopwatch:
    """Seconds per stage; stages overlap, so they add up to more than the total."""

    began: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Time a block."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = time.monotonic() - began

    def done(self) -> dict[str, float]:
        """All stages, and the time since the start as `total`."""
        return {**self.seconds, "total": time.monotonic() - self.began}


def run_file_load(
    request: FileLoadRequest,
    *,
    run_id: str,
    settings: Settings | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Progress = lambda stage, step, share: None,
) -> FileLoadResult:
    """Load the files. A dry run reads and checks them and needs neither warehouse nor S3.

    Raises RetailError; then nothing was published, and the same request can be made again.
    """
    from ingestion.connectors.files.headers import recognise_layout
    from ingestion.connectors.files.read_files import read_files
    from ingestion.mapping.layouts import load_layout
    from ingestion.mapping.workspace import workspace

    watch = Stopwatch()
    layout = load_layout(request.layout) if request.layout else recognise_layout(request.sources)
    if settings is None and not request.dry_run:
        settings = load_settings()
    with workspace() as connection:
        with watch.timed("read"):
            read = read_files(
                request.sources,
                layout,
                connection,
                retailer_id=request.retailer_id,
                max_reject_share=_max_reject_share(request, settings),
                progress=lambda step, share: progress("read", step, share),
            )
        if request.dry_run or settings is None:
            report = (
                SnapshotReport(request.report_directory, request.job_name, read, layout, connection, run_id, clock())
                if request.report_directory
                else None
            )
            return _dry(request, read, run_id, watch, report)
        return _FileLoad(request, read, layout, connection, settings, run_id, clock, progress, watch).run()


def _max_reject_share(request: FileLoadRequest, settings: Settings | None) -> float:
    if request.max_reject_share is not None:
        return request.max_reject_share
    if settings is None:
        try:
            settings = load_settings()
        except FixConfiguration:  # a dry run needs no settings
            return IngestSettings().max_reject_share
    return settings.ingest.max_reject_share


def _dry(
    request: FileLoadRequest, read: FilesRead, run_id: str, watch: Stopwatch, report: SnapshotReport | None
) -> FileLoadResult:
    with watch.timed("report"):
        path = report.write() if report else None
    return FileLoadResult(run_id, request.job_name, read, True, {}, (), (), None, {}, watch.done(), path)


class _FileLoad:
    """A run that writes."""

    def __init__(
        self,
        request: FileLoadRequest,
        read: FilesRead,
        layout: SourceMapping,
        connection: duckdb.DuckDBPyConnection,
        settings: Settings,
        run_id: str,
        clock: Callable[[], datetime],
        progress: Progress,
        watch: Stopwatch,
    ) -> None:
        self._request, self._read, self._connection = request, read, connection
        self._settings, self._run_id, self._clock = settings, run_id, clock
        self._progress, self._watch = progress, watch
        self._dsn = settings.warehouse_dsn.get_secret_value()
        self._began = clock()
        # Taken now: the plan removes unchanged dates from the tables, but the report is about the complete file.
        self._report = (
            SnapshotReport(request.report_directory, request.job_name, read, layout, connection, run_id, self._began)
            if request.report_directory
            else None
        )

    def run(self) -> FileLoadResult:
        """Land, load, refresh."""
        from ingestion.landing.plan import plan_landing
        from ingestion.landing.write import RawZone
        from monitoring.stage_runs import StageRun, record_stage
        from shared.s3_client import Bucket

        raw = Bucket(self._settings.s3, self._settings.s3.bucket_raw)
        zone = RawZone(raw, self._dsn, self._run_id)
        stage = StageRun(self._run_id, INGEST.name, self._read.days[-1], (self._read.retailer_id,))
        with _alone(self._dsn, self._read.retailer_id), record_stage(self._dsn, stage, clock=self._clock) as ingest:
            self._progress("land", "comparing with what is landed", 0.0)
            with self._watch.timed("plan"):
                plan = plan_landing(self._read, self._connection, zone, self._request.overlap)
            result = self._write(zone, plan, ingest.flows) if plan.digests else self._result({}, None, plan, None)
            ingest.finish(details=result.as_dict())
        if result.load_id is not None and self._request.refresh:
            self._refresh()
        return replace(result, seconds=self._watch.done())

    def _write(self, zone: RawZone, plan: LandingPlan, flows: list[Flow]) -> FileLoadResult:
        from ingestion.landing.land_files import land_batch
        from ingestion.lineage import flows_of_files

        with ThreadPoolExecutor(1, thread_name_prefix="report") as pool:
            report = pool.submit(self._write_report) if self._report else None
            with land_batch(
                self._read, self._connection, zone, plan, clock=self._clock, progress=self._progress_of("land")
            ) as landing:
                try:
                    load = self._load(zone, landing)
                    manifests = landing.batch.manifests()
                finally:  # what was landed stays landed, whether the load succeeded or not
                    flows += flows_of_files(
                        {file.name: file.path for file in self._read.files},
                        self._read.retailer_id,
                        landing.landed_so_far(),
                        self._settings.s3.bucket_raw,
                    )
            path = report.result() if report else None
        return self._result(manifests, load, plan, path)

    def _load(self, zone: RawZone, landing: BulkLanding) -> RetailerLoad:
        from monitoring.stage_runs import StageRun, record_stage
        from transformation.bulk import load_batch
        from transformation.lineage import flows_of

        stage = StageRun(self._run_id, TRANSFORM.name, self._read.days[-1], (self._read.retailer_id,))
        with record_stage(self._dsn, stage, clock=self._clock) as transform, self._watch.timed("load"):
            load = load_batch(
                landing.batch,
                settings=self._settings,
                run_id=self._run_id,
                clock=self._clock,
                in_transaction=lambda cursor, load_id: self._write_ledger(cursor, load_id, landing),
                progress=self._progress_of("load"),
            )
            transform.flows += flows_of(load, self._settings)
            transform.finish(details=load.as_dict())
        return load

    def _write_ledger(self, cursor: Cursor, load_id: int, landing: BulkLanding) -> None:
        read, now = self._read, self._clock()
        if source_partitions.another_ingest(cursor, self._run_id, self._began) and not landing.is_still_current():
            raise RetryLater(
                f"{read.retailer_id} was landed again by another run meanwhile. Nothing was loaded; run again."
            )
        source_partitions.write_files(
            cursor,
            load_id,
            read.files,
            retailer_id=read.retailer_id,
            layout_name=read.layout_name,
            job_name=self._request.job_name,
            run_id=self._run_id,
            loaded_at=now,
        )
        written = landing.written()
        source_partitions.write_partitions(cursor, read.retailer_id, load_id, written)
        source_partitions.write_flags(
            cursor, self._connection, retailer_id=read.retailer_id, load_id=load_id, days=sorted(written)
        )

    def _refresh(self) -> None:
        self._progress("refresh", "materialized views", 0.0)
        with self._watch.timed("refresh"):
            REFRESH.run(StageCall(self._read.days[-1], self._settings, self._run_id, clock=self._clock))
        self._progress("refresh", "materialized views", 1.0)

    def _write_report(self) -> Path | None:
        with self._watch.timed("report"):
            return self._report.write() if self._report else None

    def _progress_of(self, stage: str) -> Callable[[str, float], None]:
        return lambda step, share: self._progress(stage, step, share)

    def _result(
        self, manifests: Mapping[date, Manifest], load: RetailerLoad | None, plan: LandingPlan, report: Path | None
    ) -> FileLoadResult:
        return FileLoadResult(
            run_id=self._run_id,
            job_name=self._request.job_name,
            read=self._read,
            dry_run=False,
            buckets=count_buckets(manifests, load, plan.unchanged),
            changed_days=tuple(plan.digests),
            unchanged_days=tuple(plan.unchanged),
            load_id=load.load_id if load else None,
            load_path=paths_by_month(load, plan.unchanged),
            seconds=self._watch.done(),
            report=report,
        )


@contextmanager
def _alone(dsn: str, retailer_id: str) -> Iterator[None]:
    """Wait for other loads of this retailer's files: the later one must see what the earlier one wrote."""
    with session(dsn, application_name="retail-etl") as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", (lock_key("etl", retailer_id),))
        connection.commit()
        yield
