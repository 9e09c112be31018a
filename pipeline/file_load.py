"""CSV files → raw zone → warehouse → views, as one job: `retail etl`.

Landing, loading and the quality report run concurrently; nothing is visible before all of it is audited and committed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from monitoring.unfinished_runs import RunRecord, UnfinishedRun
from pipeline.file_load_checks import load_alerts
from pipeline.file_load_report import SnapshotReport
from pipeline.file_load_request import FileLoadRequest, Progress
from pipeline.file_load_result import FileLoadResult
from pipeline.file_load_schema import schema_contract
from pipeline.file_load_source import (
    check_dates,
    choose_layout,
    describe_source,
    max_reject_amount_share,
    max_reject_share,
)
from pipeline.finish_runs import finish_killed_runs
from pipeline.land_and_load import FileLoad
from pipeline.stopwatch import Stopwatch
from shared.config import Settings, SourceSettings, load_settings, load_source_settings

if TYPE_CHECKING:
    import duckdb

    from ingestion.connectors.files.read_files import FilesRead
    from ingestion.landing.write import RawZone
    from ingestion.mapping.layouts import SourceMapping
    from ingestion.schema_contracts.file_headers import FileHeaders


def run_file_load(
    request: FileLoadRequest,
    *,
    run_id: str,
    settings: Settings | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Progress = lambda stage, step, share: None,
) -> FileLoadResult:
    """Load the files. A dry run reads and checks them and needs neither warehouse nor S3.

    Raises RetailError; then nothing was published, and the same request can be made again. LoadRejected is the one for
    data that fails a quality check. LoadUnfinished comes after the publication: the next run does what is left. Once
    the source is known, each error is also an alert.
    """
    from data_quality.file_report.writing import NOTHING_LOADED, check_directory
    from ingestion.mapping.workspace import workspace
    from ingestion.source_clock import RECORD_MARGIN

    watch = Stopwatch()
    if settings is None and not request.dry_run:
        settings = load_settings()
    own = settings or load_source_settings()
    if request.dry_run:
        settings = None
    if request.report_directory:
        check_directory(request.report_directory, consequence="" if request.dry_run else NOTHING_LOADED)
    layout = choose_layout(request.sources, request.layout, request.retailer_id, own.sources)
    retailer_id = request.retailer_id or layout.retailer_id
    if settings:
        finish_killed_runs(settings, clock=clock)
    with RunRecord(_dsn(settings) if settings else "", clock=clock) as record:
        with (
            _alerts(request, settings, retailer_id, run_id, clock),
            schema_contract(settings, retailer_id, run_id, clock) as schema,
            workspace() as connection,
        ):
            limits = _limits(request, own, retailer_id)
            with watch.timed("read"):
                read = _read(request, layout, connection, limits, clock() + RECORD_MARGIN, progress, schema)
            # Taken now: the plan removes unchanged dates, but the report is about the complete file.
            folder = request.report_directory / run_id if request.report_directory else None
            report = SnapshotReport(request.job_name, read, layout, connection, limits[0], clock(), folder)
            if settings is None:
                check_dates(own.sources, read.retailer_id, read.days)
                return _dry(request, read, run_id, watch, report)
            zone = _zone(settings, read.retailer_id, layout.time_zone, run_id)
            load = FileLoad(request, read, report, connection, settings, zone, clock, progress, watch)
            record.begin(UnfinishedRun(run_id, "etl", read.days[-1], (read.retailer_id,), request.refresh))
            result = load.run()
            if schema:
                schema.landed()
        result = load.refresh(result)
        record.is_finished = True
    return result


def _limits(request: FileLoadRequest, settings: SourceSettings, retailer_id: str) -> tuple[float, float]:
    """The largest share of rejected rows, and of rejected money."""
    share = max_reject_share(request.max_reject_share, settings, retailer_id)
    return share, max_reject_amount_share(request.max_reject_amount_share, settings, retailer_id, share)


def _zone(settings: Settings, retailer_id: str, time_zone: str, run_id: str) -> RawZone:
    from ingestion.landing.write import RawZone
    from shared.s3_client import Bucket

    source = describe_source(settings.sources, retailer_id, time_zone)
    return RawZone(Bucket(settings.s3, settings.s3.bucket_raw), _dsn(settings), run_id, source)


def _read(
    request: FileLoadRequest,
    layout: SourceMapping,
    connection: duckdb.DuckDBPyConnection,
    limits: tuple[float, float],
    latest: datetime,
    progress: Progress,
    schema: FileHeaders | None,
) -> FilesRead:
    from ingestion.connectors.files.read_files import read_files

    return read_files(
        request.sources,
        layout,
        connection,
        retailer_id=request.retailer_id,
        max_reject_share=limits[0],
        max_reject_amount_share=limits[1],
        progress=lambda step, done: progress("read", step, done),
        latest=latest,
        schema=schema,
    )


def _alerts(
    request: FileLoadRequest,
    settings: Settings | None,
    retailer_id: str,
    run_id: str,
    clock: Callable[[], datetime],
) -> AbstractContextManager[object]:
    if settings is None or not request.raises_alert:
        return nullcontext()
    return load_alerts(_dsn(settings), retailer_id, run_id, clock)


def _dsn(settings: Settings) -> str:
    return settings.warehouse_dsn.get_secret_value()


def _dry(
    request: FileLoadRequest, read: FilesRead, run_id: str, watch: Stopwatch, report: SnapshotReport
) -> FileLoadResult:
    path = None
    if request.report_directory:
        with watch.timed("report"):
            path = report.write(report.measure(), None)
    return FileLoadResult(run_id, request.job_name, read, True, {}, (), (), None, {}, watch.done(), path)
