"""Finishes runs of commands that have published and then ended too early: killed, or stopped by an error.

What follows a publication is derived from what the run has committed: the ledger says what it loaded, ops.data_lineage
what it read and wrote. Everything here can be done twice, so a process that is killed here leaves the run to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from monitoring.alerts.outcomes import (
    command_origin,
    refresh_task,
    report_missing_by_command,
    report_source_quality,
    report_task,
    task_alerts,
)
from monitoring.alerts.run_history import chosen_sources
from monitoring.lineage.flows import Flow
from monitoring.lineage.record import recorded_flows
from monitoring.stage_runs import StageRun, record_stage
from monitoring.unfinished_runs import UnfinishedRun, delete, try_lock, unfinished_runs, unlock
from pipeline.alerts import report_outcome
from pipeline.file_load_checks import COMMAND, load_task
from pipeline.outcomes import StageSummary
from pipeline.run import PipelineRun, run_stages
from pipeline.stages import INGEST, PLAN, QUALITY, REFRESH, TRANSFORM, StageCall, utc_now
from shared.config import Settings
from shared.database import Connection, Cursor, read_sql, session, transaction
from shared.errors import RetailError, describe_error
from shared.logs import get_logger

log = get_logger(__name__)
_KILLED = "The process was killed."
_SQL = Path(__file__).parent / "sql"
_COUNTS = ("landed", "inserted", "updated", "unchanged", "duplicate", "withdrawn", "in_warehouse")
_CLOSE = """
    UPDATE ops.pipeline_runs SET status = 'failed', finished_at = %(now)s, message = %(message)s
    WHERE run_id = %(run_id)s AND status = 'running'
"""


@dataclass(frozen=True)
class _Published:
    """What a run has committed."""

    sources: tuple[str, ...]
    """Those that it was for."""
    loads: StageSummary
    """The result of its stage `transform`; the sources that it did not load have failed."""
    not_recorded: dict[str, tuple[date, list[Flow]]]
    """Stages that did their work and did not record it, with their business date and lineage."""

    @property
    def missing(self) -> dict[str, str]:
        """The sources that it did not load."""
        return {name: _KILLED for name, part in self.loads["retailers"].items() if part["error"]}


def finish_killed_runs(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> None:
    """Finish the runs that were killed, before other work. Never raises: the next run tries again what failed."""
    try:
        for run_id, problem in finish_runs(settings, clock=clock).items():
            if problem is None:
                log.warning("an earlier run had not ended; what it left is done now", run_id=run_id)
            else:
                log.warning("an earlier run could not be finished", run_id=run_id, reason=problem)
    except RetailError as error:
        log.warning("earlier runs could not be finished", reason=str(error))


def finish_runs(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> dict[str, str | None]:
    """Finish every run that is not active: each by its id, with the reason if something is still left to do.

    Raises RetailError when the warehouse cannot be read.
    """
    done: dict[str, str | None] = {}
    with session(settings.warehouse_dsn.get_secret_value(), application_name="retail-finish") as connection:
        with transaction(connection) as cursor:
            runs = unfinished_runs(cursor)
        for run in runs:
            with transaction(connection) as cursor:
                if not try_lock(cursor, run.run_id):
                    continue  # it is active, or another session is finishing it
            try:
                with transaction(connection) as cursor:
                    is_left = unfinished_runs(cursor, run.run_id)
                if is_left:
                    done[run.run_id] = _finish(settings, connection, run, clock)
            finally:
                with transaction(connection) as cursor:
                    unlock(cursor, run.run_id)
    return done


def _finish(
    settings: Settings, connection: Connection, run: UnfinishedRun, clock: Callable[[], datetime]
) -> str | None:
    try:
        sources = tuple(chosen_sources(settings.warehouse_dsn.get_secret_value(), run.run_id)) or run.retailers
        with transaction(connection) as cursor:
            cursor.execute(_CLOSE, {"run_id": run.run_id, "now": clock(), "message": _KILLED})
            published = _read_published(cursor, run, sources)
        problem = _follow_up(settings, run, published, clock) if published else None
        if problem is None:
            with transaction(connection) as cursor:
                delete(cursor, run.run_id)
    except RetailError as error:
        problem = str(error)
    except Exception as error:
        log.exception("an earlier run could not be finished", run_id=run.run_id)
        problem = describe_error(error)
    return problem


def _read_published(cursor: Cursor, run: UnfinishedRun, sources: tuple[str, ...]) -> _Published | None:
    """What the run has committed; None for nothing."""
    cursor.execute(read_sql(_SQL / "loads_of_run.sql"), {"run_id": run.run_id, "retailers": list(run.retailers)})
    parts: StageSummary = {}
    for retailer_id, load_id, day, *counts in cursor.fetchall():
        part = parts.setdefault(retailer_id, {"retailer_id": retailer_id, "status": "published", "partitions": []})
        part |= {"load_id": load_id, "error": None, "error_kind": None}
        part["partitions"].append({"business_date": day.isoformat(), **dict(zip(_COUNTS, counts, strict=True))})
    if not parts:
        return None
    missing = [name for name in sources if name not in parts]
    parts |= {name: {"retailer_id": name, "status": "failed", "partitions": [], "error": _KILLED} for name in missing}
    loads = {"business_date": run.business_date.isoformat(), "ok": not missing, "retailers": parts}
    cursor.execute(read_sql(_SQL / "unrecorded_stages.sql"), {"run_id": run.run_id})
    stages = cursor.fetchall()
    flows = {stage: (day, recorded_flows(cursor, run.run_id, stage)) for stage, day in stages}
    return _Published(tuple(parts), loads, flows)


def _follow_up(
    settings: Settings, run: UnfinishedRun, published: _Published, clock: Callable[[], datetime]
) -> str | None:
    """Do what follows the publication; the reason if something is left to do."""
    dsn = settings.warehouse_dsn.get_secret_value()
    for stage in published.not_recorded:
        _record_again(dsn, run, stage, published, clock)
    if run.command == "run":
        return _check_and_refresh(settings, run, published, clock)
    if run.command == "etl":
        report_task(dsn, load_task(run.retailers[0], run.run_id), None, clock=clock)
        report_source_quality(dsn, (), command_origin(COMMAND, run.run_id), "", clock=clock)
    elif run.command == "transform":
        origin = command_origin("retail transform", run.run_id)
        report_missing_by_command(dsn, run.business_date, published.missing, origin, clock=clock)
    if run.refreshes_views:
        with task_alerts(dsn, refresh_task(COMMAND, run.run_id), clock=clock):
            REFRESH.run(StageCall(run.business_date, settings, run.run_id, clock=clock))
    return None


def _record_again(
    dsn: str, run: UnfinishedRun, stage: str, published: _Published, clock: Callable[[], datetime]
) -> None:
    """Record a stage that did its work, with its lineage and metrics, as another execution of it."""
    day, flows = published.not_recorded[stage]
    parts = published.loads["retailers"]
    details = published.loads
    if stage == INGEST.name:
        details = {"retailers": {name: {"retailer_id": name, "error": part["error"]} for name, part in parts.items()}}
    with record_stage(dsn, StageRun(run.run_id, stage, day, published.sources), clock=clock) as again:
        again.flows += flows
        again.finish(details=details, failed=sorted(published.missing), of=len(parts), message=_KILLED)


def _check_and_refresh(
    settings: Settings, run: UnfinishedRun, published: _Published, clock: Callable[[], datetime]
) -> str | None:
    """The stages that follow the load in `retail run`, and its alerts."""
    parts = published.loads["retailers"]
    pipeline = PipelineRun(run.business_date, run.retailers, settings, run.run_id, other_dates=True)
    pipeline.stages[PLAN.name] = {"sources": list(published.sources)}
    pipeline.stages[INGEST.name] = {"retailers": {name: {"error": part["error"]} for name, part in parts.items()}}
    pipeline.stages[TRANSFORM.name] = published.loads
    run_stages(pipeline, around=lambda stage: nullcontext(), stages=(QUALITY, REFRESH))
    report_outcome(pipeline, clock=clock)
    return None if pipeline.is_finished else pipeline.error
