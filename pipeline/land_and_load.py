"""Lands files and loads them, in one transaction: nothing is visible before all of it is audited and committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.landing import source_partitions
from monitoring.alerts.outcomes import refresh_task, task_alerts
from monitoring.lineage.record import record_in_load
from pipeline.file_load_checks import COMMAND, LoadChecks, LoadRejected, LoadUnfinished
from pipeline.file_load_report import SnapshotReport
from pipeline.file_load_request import FileLoadRequest, Progress
from pipeline.file_load_result import FileLoadResult, count_buckets, paths_by_month
from pipeline.file_load_source import check_dates
from pipeline.stages import INGEST, REFRESH, TRANSFORM, StageCall
from pipeline.stopwatch import Stopwatch
from shared.config import Settings
from shared.database import Cursor, lock_in_transaction, lock_key, session, transaction
from shared.errors import RetailError

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
    from transformation.load.result import LoadResult
    from transformation.loads import RetailerLoad


class FileLoad:
    """Lands and loads what was read, and refreshes the views."""

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
        self._published: RetailerLoad | None = None
        self._report_path: Path | None = None

    def run(self) -> FileLoadResult:
        """Land and load. Raises RetailError; LoadUnfinished is the one after the publication."""
        try:
            return self._land_and_load()
        except RetailError as error:
            if self._published is None:
                raise
            raise LoadUnfinished(self._published, error) from error

    def _land_and_load(self) -> FileLoadResult:
        from ingestion.landing.plan import plan_landing
        from monitoring.stage_runs import StageRun, record_stage

        stage = StageRun(self._run_id, INGEST.name, self._read.days[-1], (self._read.retailer_id,))
        with _alone(self._dsn, self._read.retailer_id), record_stage(self._dsn, stage, clock=self._clock) as ingest:
            check_dates(self._settings.sources, self._read.retailer_id, self._read.days)
            self._progress("land", "comparing with what is landed", 0.0)
            with self._watch.timed("plan"):
                plan = plan_landing(self._read, self._connection, self._zone, self._request.overlap)
            result = self._write(plan, ingest.flows) if plan.digests else self._result({}, None, plan, None)
            ingest.finish(details=result.as_dict())
        return result

    def refresh(self, result: FileLoadResult) -> FileLoadResult:
        """Refresh the views after a load that published something; the result with the time that all of it took.

        Raises LoadUnfinished.
        """
        if self._published is not None and self._request.refresh:
            try:
                with task_alerts(self._dsn, refresh_task(COMMAND, self._run_id), clock=self._clock):
                    self._refresh()
            except RetailError as error:
                raise LoadUnfinished(self._published, error) from error
        return replace(result, seconds=self._watch.done())

    def _write(self, plan: LandingPlan, flows: list[Flow]) -> FileLoadResult:
        from ingestion.landing.land_files import land_batch

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
                    raise LoadRejected(
                        f"{error}{self._report.write_rejected(report.result(), checks.result)}"
                    ) from error
                finally:  # complete partitions stay, also when the commit fails
                    flows += self._flows(landing)
            checks.report_alerts()
        return self._result(manifests, load, plan, checks.result)

    def _flows(self, landing: BulkLanding) -> list[Flow]:
        from ingestion.lineage import flows_of_files

        paths = {file.name: self._request.fetched_from or file.path for file in self._read.files}
        manifests = {day: each.manifest for day, each in landing.completed.items()}
        return flows_of_files(paths, self._read.retailer_id, manifests, self._settings.s3.bucket_raw)

    def _load(self, landing: BulkLanding, checks: LoadChecks, measured: Callable[[], LoadReport]) -> RetailerLoad:
        from data_quality.file_report.writing import NOTHING_LOADED
        from monitoring.stage_runs import StageRun, record_stage
        from transformation.bulk import load_batch
        from transformation.lineage import flows_of

        def before_commit(cursor: Cursor, result: LoadResult) -> None:
            self._progress("load", "checking", 0.9)
            with self._watch.timed("check"):
                checks.check(cursor, measured())
            self._report_path = self._report.write(measured(), checks.result, consequence=NOTHING_LOADED)
            self._write_ledger(cursor, result.load_id, landing)

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
            self._published = load
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
        record_in_load(cursor, self._run_id, INGEST.name, self._flows(landing), now)

    def _refresh(self) -> None:
        self._progress("refresh", "materialized views", 0.0)
        with self._watch.timed("refresh"):
            REFRESH.run(StageCall(self._read.days[-1], self._settings, self._run_id, clock=self._clock))
        self._progress("refresh", "materialized views", 1.0)

    def _measure(self) -> LoadReport:
        with self._watch.timed("report"):
            return self._report.measure()

    def _progress_of(self, stage: str) -> Callable[[str, float], None]:
        return lambda step, share: self._progress(stage, step, share)

    def _result(
        self,
        manifests: Mapping[date, Manifest],
        load: RetailerLoad | None,
        plan: LandingPlan,
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
            report=self._report_path,
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
