"""CSV files → raw zone → warehouse → views, as one job: `retail etl`.

Landing, loading and the quality report run concurrently; nothing is visible before all of it is audited and committed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
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
from shared.config import Settings, load_settings, load_source_settings

if TYPE_CHECKING:
    import duckdb

    from ingestion.connectors.files.read_files import FilesRead
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
    if request.report_directory:
        check_directory(request.report_directory, consequence="" if request.dry_run else NOTHING_LOADED)
    layout = choose_layout(request.sources, request.layout, request.retailer_id, own.sources)
    retailer_id = request.retailer_id or layout.retailer_id
    if settings:
        finish_killed_runs(settings, clock=clock)
    alerts = (
        load_alerts(_dsn(settings), retailer_id, run_id, clock) if settings and request.raises_alert else nullcontext()
    )
    with RunRecord(_dsn(settings) if settings else "", clock=clock) as record:
        with alerts, schema_contract(settings, retailer_id, run_id, clock) as schema, workspace() as connection:
            share = max_reject_share(request.max_reject_share, own, retailer_id)
            money = max_reject_amount_share(request.max_reject_amount_share, own, retailer_id, share)
            with watch.timed("read"):
                read = _read(request, layout, connection, (share, money), clock() + RECORD_MARGIN, progress, schema)
            # Taken now: the plan removes unchanged dates, but the report is about the complete file.
            folder = request.report_directory / run_id if request.report_directory else None
            report = SnapshotReport(request.job_name, read, layout, connection, share, clock(), folder)
            if settings is None:
                check_dates(own.sources, read.retailer_id, read.days)
                return _dry(request, read, run_id, watch, report)
            source = describe_source(settings.sources, read.retailer_id, layout.time_zone)
            zone = RawZone(Bucket(settings.s3, settings.s3.bucket_raw), _dsn(settings), run_id, source)
            load = FileLoad(request, read, report, connection, settings, zone, clock, progress, watch)
            record.begin(UnfinishedRun(run_id, "etl", read.days[-1], (read.retailer_id,), request.refresh))
            result = load.run()
            if schema:
                schema.landed()
        result = load.refresh(result)
        record.is_finished = True
    return result


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
