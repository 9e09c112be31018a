"""CSV files → raw zone → warehouse → views, as one job: `retail etl`.

Landing, loading and the quality report run concurrently; nothing is visible before all of it is audited and committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.landing import source_partitions
from ingestion.landing.overlap_policy import Overlap
from monitoring.alerts.outcomes import refresh_task, task_alerts
from pipeline.file_load_checks import COMMAND, LoadChecks, LoadRejected, load_alerts
from pipeline.file_load_report import SnapshotReport, write_report
from pipeline.file_load_result import FileLoadResult, count_buckets, paths_by_month
from pipeline.file_load_source import check_dates, choose_layout, describe_source, max_reject_share
from pipeline.stages import INGEST, REFRESH, TRANSFORM, StageCall
from pipeline.stopwatch import Stopwatch
from shared.config import Settings, load_settings, load_source_settings
from shared.database import Cursor, lock_in_transaction, lock_key, session, transaction

if TYPE_CHECKING:
    import duckdb

    from data_quality.file_report.model import LoadReport
    from data_quality.results import QualityResult
    from ingestion.connectors.files.read_files import FilesRead
    from ingestion.landing.land_files import BulkLanding
    from ingestion.landing.plan import LandingPlan
    from ingestion.landing.write import RawZone
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
    allow_low_quality: bool = False
    """Publish also a file that misses a threshold of its quality report."""
    refresh: bool = True
    dry_run: bool = False


def run_file_load(
    request: FileLoadRequest,
    *,
    run_id: str,
    settings: Settings | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Progress = lambda stage, step, share: None,
) -> FileLoadResult:
    """Load the files. A dry run reads and checks them and needs neither warehouse nor S3.

    Raises RetailError; then nothing was published, and the same request can be made again; except for one of the
    refresh, which comes last. LoadRejected is the one for data that fails a quality check. Once the source is known,
    each error is also an alert.
    """
    from ingestion.connectors.files.read_files import read_files
    from ingestion.landing.write import RawZone
    from ingestion.mapping.workspace import workspace
    from ingestion.source_clock import RECORD_MARGIN
    from shared.s3_client import Bucket

    watch = Stopwatch()
    if settings is None and not request.dry_run:
        settings = load_settings()
    own = settings or load_source_settings()
    if request.dry_run:
        settings = None
    layout = choose_layout(request.sources, request.layout, request.retailer_id, own.sources)
    retailer_id = request.retailer_id or layout.retailer_id
    alerts = load_alerts(_dsn(settings), retailer_id, run_id, clock) if settings else nullcontext()
    with alerts, workspace() as connection:
        share = max_reject_share(request.max_reject_share, own, retailer_id)
        with watch.timed("read"):
            read = read_files(
                request.sources,
                layout,
                connection,
                retailer_id=request.retailer_id,
                max_reject_share=share,
                progress=lambda step, done: progress("read", step, done),
                latest=clock() + RECORD_MARGIN,
            )
        # Taken now: the plan removes unchanged dates, but the report is about the complete file.
        report = SnapshotReport(request.job_name, read, layout, connection, share, clock())
        if settings is None:
            check_dates(own.sources, read.retailer_id, read.days)
            return _dry(request, read, run_id, watch, report)
        source = describe_source(settings.sources, read.retailer_id, layout.time_zone)
        zone = RawZone(Bucket(settings.s3, settings.s3.bucket_raw), _dsn(settings), run_id, source)
        load = _FileLoad(request, read, report, connection, settings, zone, clock, progress, watch)
        result = load.run()
    return load.refresh(result)


def _dsn(settings: Settings) -> str:
    return settings.warehouse_dsn.get_secret_value()


def _dry(
    request: FileLoadRequest, read: FilesRead, run_id: str, watch: Stopwatch, report: SnapshotReport
) -> FileLoadResult:
    path = None
    if request.report_directory:
        with watch.timed("report"):
            path = write_report(report.measure(), None, request.report_directory / run_id)
    return FileLoadResult(run_id, request.job_name, read, True, {}, (), (), None, {}, watch.done(), path)


class _FileLoad:
    """A run that writes."""

    def __init__(
        self,
        request: FileLoadRequest,
        read: FilesRead,
        report: SnapshotReport,
        connection: duckdb.DuckDBPyConnection,
        settings: Settings,
        zone: RawZone,
        clock: Callable[[], datetime],
        progress: Progress,
        watch: Stopwatch,
    ) -> None:
        self._request, self._read, self._report, self._connection = request, read, report, connection
        self._settings, self._zone, self._clock = settings, zone, clock
        self._progress, self._watch = progress, watch
        self._dsn, self._run_id = zone.dsn, zone.run_id
        self._began = clock()

    def run(self) -> FileLoadResult:
        """Land and load."""
        from ingestion.landing.plan import plan_landing
        from monitoring.stage_runs import StageRun, record_stage

        stage = StageRun(self._run_id, INGEST.name, self._read.days[-1], (self._read.retailer_id,))
        with _alone(self._dsn, self._read.retailer_id), record_stage(self._dsn, stage, clock=self._clock) as ingest:
            check_dates(self._settings.sources, self._read.retailer_id, self._read.days)
            self._progress("land", "comparing with what is landed", 0.0)
            with self._watch.timed("plan"):
                plan = plan_landing(self._read, self._connection, self._zone, self._request.overlap)
            result = self._write(plan, ingest.flows) if plan.digests else self._result({}, None, plan, None, None)
            ingest.finish(details=result.as_dict())
        return result

    def refresh(self, result: FileLoadResult) -> FileLoadResult:
        """Refresh the views after a load that published something; the result with the time that all of it took."""
        if result.load_id is not None and self._request.refresh:
            with task_alerts(self._dsn, refresh_task(COMMAND, self._run_id), clock=self._clock):
                self._refresh()
        return replace(result, seconds=self._watch.done())

    def _write(self, plan: LandingPlan, flows: list[Flow]) -> FileLoadResult:
        from ingestion.landing.land_files import land_batch
        from ingestion.lineage import flows_of_files

        low_quality = self._request.allow_low_quality
        checks = LoadChecks(self._zone, self._read.retailer_id, tuple(plan.digests), self._clock, low_quality)
        with ThreadPoolExecutor(1, thread_name_prefix="report") as pool:
            report = pool.submit(self._measure)
            with land_batch(
                self._read, self._connection, self._zone, plan, clock=self._clock, progress=self._progress_of("land")
            ) as landing:
                try:
                    load = self._load(landing, checks, report.result)
                    manifests = landing.batch.manifests()
                except LoadRejected as error:
                    checks.keep_rejected()
                    checks.report_alerts()
                    path = self._write_report(report.result(), checks)
                    raise LoadRejected(f"{error} Quality report: {path}" if path else str(error)) from error
                finally:  # complete partitions stay, also when the commit fails
                    flows += flows_of_files(
                        {file.name: file.path for file in self._read.files},
                        self._read.retailer_id,
                        {day: each.manifest for day, each in landing.completed.items()},
                        self._settings.s3.bucket_raw,
                    )
            checks.report_alerts()
            path = self._write_report(report.result(), checks)
        return self._result(manifests, load, plan, path, checks.result)

    def _load(self, landing: BulkLanding, checks: LoadChecks, measured: Callable[[], LoadReport]) -> RetailerLoad:
        from monitoring.stage_runs import StageRun, record_stage
        from transformation.bulk import load_batch
        from transformation.lineage import flows_of

        def before_commit(cursor: Cursor, load_id: int) -> None:
            self._progress("load", "checking", 0.9)
            with self._watch.timed("check"):
                checks.check(cursor, measured())
            self._write_ledger(cursor, load_id, landing)

        stage = StageRun(self._run_id, TRANSFORM.name, self._read.days[-1], (self._read.retailer_id,))
        with record_stage(self._dsn, stage, clock=self._clock) as transform, self._watch.timed("load"):
            load = load_batch(
                landing.batch,
                settings=self._settings,
                run_id=self._run_id,
                clock=self._clock,
                in_transaction=before_commit,
                progress=self._progress_of("load"),
            )
            transform.flows += flows_of(load, self._settings)
            transform.finish(details=load.as_dict())
        return load

    def _write_ledger(self, cursor: Cursor, load_id: int, landing: BulkLanding) -> None:
        read, now = self._read, self._clock()
        # The manifests come after the checks, so no other command can load what fails them.
        written = landing.complete(lambda own: source_partitions.another_ingest(own, self._run_id, self._began))
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
        source_partitions.write_partitions(cursor, read.retailer_id, load_id, written)
        source_partitions.write_flags(
            cursor, self._connection, retailer_id=read.retailer_id, load_id=load_id, days=sorted(written)
        )

    def _refresh(self) -> None:
        self._progress("refresh", "materialized views", 0.0)
        with self._watch.timed("refresh"):
            REFRESH.run(StageCall(self._read.days[-1], self._settings, self._run_id, clock=self._clock))
        self._progress("refresh", "materialized views", 1.0)

    def _measure(self) -> LoadReport:
        with self._watch.timed("report"):
            return self._report.measure()

    def _write_report(self, report: LoadReport, checks: LoadChecks) -> Path | None:
        directory = self._request.report_directory
        return write_report(report, checks.result, directory / self._run_id) if directory else None

    def _progress_of(self, stage: str) -> Callable[[str, float], None]:
        return lambda step, share: self._progress(stage, step, share)

    def _result(
        self,
        manifests: Mapping[date, Manifest],
        load: RetailerLoad | None,
        plan: LandingPlan,
        report: Path | None,
        quality: QualityResult | None,
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
            quality=quality,
        )


@contextmanager
def _alone(dsn: str, retailer_id: str) -> Iterator[None]:
    """Wait for other loads of this retailer's files: the later one must see what the earlier one wrote."""
    with session(dsn, application_name="retail-etl") as connection:
        with transaction(connection) as cursor:
            lock_in_transaction(cursor, "etl", retailer_id)
            # Held already, so it is granted at once; this one outlives the transaction.
            cursor.execute("SELECT pg_advisory_lock(%s)", (lock_key("etl", retailer_id),))
        yield
