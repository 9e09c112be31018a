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


@dataclass(frozen=True)
class FinishedRun:
    """What became of an unfinished run."""

    problem: str | None = None
    """Why something is still left to do."""
    finding: str | None = None
    """What the checks of a finished run found, which keeps the views as they are."""


@dataclass(frozen=True)
class _Published:
    """What a run has committed."""

    at: datetime
    """The time of its first publication."""

    sources: tuple[str, ...]
    """Those that it was for."""
    loads: StageSummary
    """The result of its stage `transform`; the sources that it did not load have failed."""
    not_recorded: dict[str, tuple[date, list[Flow]]]
    """Stages that did their work and did not record it, with their business date and lineage."""

    @property
    def missing(self) -> dict[str, str]:
        """The sources that it did not load, with the reason."""
        return {name: part["error"] for name, part in self.loads["retailers"].items() if part["error"]}


def finish_killed_runs(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> None:
    """Finish the runs that were killed, before other work. Never raises: the next run tries again what failed."""
    try:
        for run_id, done in finish_runs(settings, clock=clock).items():
            if done.problem:
                log.warning("an earlier run could not be finished", run_id=run_id, reason=done.problem)
            else:
                found = {"finding": done.finding} if done.finding else {}
                log.warning("an earlier run had not ended; what it left is done now", run_id=run_id, **found)
    except RetailError as error:  # the work that follows needs the warehouse, too, and has the message for the user
        log.info("earlier runs could not be finished", reason=str(error))


def finish_runs(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> dict[str, FinishedRun]:
    """Finish every run that is not active: each by its id. Raises RetailError when the warehouse cannot be read."""
    done: dict[str, FinishedRun] = {}
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
) -> FinishedRun:
    try:
        sources = tuple(chosen_sources(settings.warehouse_dsn.get_secret_value(), run.run_id)) or run.retailers
        with transaction(connection) as cursor:
            closing = {"run_id": run.run_id, "now": clock(), "message": _KILLED}
            cursor.execute(read_sql(_SQL / "close_stages.sql"), closing)
            published = _read_published(cursor, run, sources)
        done = FinishedRun()
        if published:
            done = _follow_up(settings, run, published, clock)
        elif run.command == "files":  # its loads have runs of their own, which do not refresh the views
            _refresh(settings, run, clock)
        if done.problem is None:
            with transaction(connection) as cursor:
                delete(cursor, run.run_id)
    except RetailError as error:
        done = FinishedRun(problem=str(error))
    except Exception as error:
        log.exception("an earlier run could not be finished", run_id=run.run_id)
        done = FinishedRun(problem=describe_error(error))
    return done


def _read_published(cursor: Cursor, run: UnfinishedRun, sources: tuple[str, ...]) -> _Published | None:
    """What the run has committed; None for nothing."""
    cursor.execute(read_sql(_SQL / "loads_of_run.sql"), {"run_id": run.run_id, "retailers": list(run.retailers)})
    parts: StageSummary = {}
    times = []
    for retailer_id, load_id, published_at, day, *counts in cursor.fetchall():
        times.append(published_at)
        part = parts.setdefault(retailer_id, {"retailer_id": retailer_id, "status": "published", "partitions": []})
        part |= {"load_id": load_id, "error": None, "error_kind": None}
        part["partitions"].append({"business_date": day.isoformat(), **dict(zip(_COUNTS, counts, strict=True))})
    if not parts:
        return None
    cursor.execute(read_sql(_SQL / "held_of_run.sql"), {"run_id": run.run_id})
    for name, reason in cursor.fetchall():
        part = parts.setdefault(name, {"retailer_id": name, "partitions": [], "error": None, "error_kind": None})
        part |= {"status": "held", "held_reason": reason}
    missing = [name for name in sources if name not in parts]
    cursor.execute(read_sql(_SQL / "errors_of_run.sql"), {"run_id": run.run_id})
    errors = dict(cursor.fetchall())
    for name in missing:
        error = errors.get(name, _KILLED)
        parts[name] = {"retailer_id": name, "status": "failed", "partitions": [], "error": error}
    loads = {"business_date": run.business_date.isoformat(), "ok": not missing, "retailers": parts}
    cursor.execute(read_sql(_SQL / "unrecorded_stages.sql"), {"run_id": run.run_id})
    stages = cursor.fetchall()
    flows = {stage: (day, recorded_flows(cursor, run.run_id, stage)) for stage, day in stages}
    return _Published(min(times), tuple(parts), loads, flows)


def _follow_up(
    settings: Settings, run: UnfinishedRun, published: _Published, clock: Callable[[], datetime]
) -> FinishedRun:
    """Do what follows the publication."""
    dsn = settings.warehouse_dsn.get_secret_value()
    for stage in published.not_recorded:
        _record_again(dsn, run, stage, published, clock)
    if run.command == "run":
        return _check_and_refresh(settings, run, published, clock)
    if run.command == "etl":
        # A newer load of the same source may have failed since: its alert stays.
        report_task(dsn, load_task(run.retailers[0], run.run_id), None, clock=clock, last_seen_before=published.at)
        report_source_quality(dsn, (), command_origin(COMMAND, run.run_id), "", clock=clock)
    elif run.command == "transform":
        origin = command_origin("retail transform", run.run_id)
        report_missing_by_command(dsn, run.business_date, published.missing, origin, clock=clock)
    _refresh(settings, run, clock)
    return FinishedRun()


def _refresh(settings: Settings, run: UnfinishedRun, clock: Callable[[], datetime]) -> None:
    if not run.refreshes_views:
        return
    with task_alerts(settings.warehouse_dsn.get_secret_value(), refresh_task(COMMAND, run.run_id), clock=clock):
        REFRESH.run(StageCall(run.business_date, settings, run.run_id, clock=clock))


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
        reasons = "; ".join(dict.fromkeys(published.missing.values()))
        again.finish(details=details, failed=sorted(published.missing), of=len(parts), message=reasons)


def _check_and_refresh(
    settings: Settings, run: UnfinishedRun, published: _Published, clock: Callable[[], datetime]
) -> FinishedRun:
    """The stages that follow the load in `retail run`, and its alerts."""
    parts = published.loads["retailers"]
    pipeline = PipelineRun(run.business_date, run.retailers, settings, run.run_id, other_dates=True)
    pipeline.stages[PLAN.name] = {"sources": list(published.sources)}
    pipeline.stages[INGEST.name] = {"retailers": {name: {"error": part["error"]} for name, part in parts.items()}}
    pipeline.stages[TRANSFORM.name] = published.loads
    run_stages(pipeline, around=lambda stage: nullcontext(), stages=(QUALITY, REFRESH))
    report_outcome(pipeline, clock=clock)
    return FinishedRun(finding=pipeline.error) if pipeline.is_finished else FinishedRun(problem=pipeline.error)
