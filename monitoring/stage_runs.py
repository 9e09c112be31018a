"""ops.pipeline_runs: one row per execution of a stage, opened at its start and closed with its outcome."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import psycopg2

from monitoring import metrics
from monitoring.lineage.flows import Flow
from monitoring.lineage.record import record
from monitoring.lineage.sender import sending_lineage
from shared.database import Connection, described, session, transaction
from shared.errors import FixConfiguration, RetailError, RetryLater, StopRun, describe_error
from shared.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True)
class StageRun:
    """Which stage runs, for which date, under which run."""

    run_id: str
    stage: str
    business_date: date
    retailers: tuple[str, ...] = ()
    """The retailers it runs for; empty when it runs for all of them at once."""


@dataclass
class StageOutcome:
    """Filled in by the stage before it ends."""

    status: str = "succeeded"
    message: str | None = None
    details: Mapping[str, Any] | None = None
    flows: list[Flow] = field(default_factory=list)
    """What has been written, and from what. Added as it is written, so that a failed stage's writes are included."""

    def finish(
        self, *, details: Mapping[str, Any], failed: Sequence[str] = (), of: int = 1, message: str | None = None
    ) -> None:
        """Record the result; `failed` of `of` parts failed."""
        self.details = details
        if failed:
            self.status = "failed" if len(failed) >= of else "partly_failed"
            self.message = message


@contextmanager
def record_stage(dsn: str, stage: StageRun, *, clock: Callable[[], datetime]) -> Iterator[StageOutcome]:
    """Record the run of a stage. An error of the stage is written to its row and raised again.

    A row that stays `running` belongs to a process that was killed. The outcome is also pushed to Prometheus, if that
    is configured, even when the warehouse cannot be reached. What was read and written is kept in ops.data_lineage,
    and sent to OpenLineage's receiver, if there is one.
    """
    outcome = StageOutcome()
    with _monitored(dsn, stage, outcome, clock), sending_lineage(stage, outcome, clock):
        row = _open(dsn, stage, clock())
        try:
            yield outcome
        except (Exception, KeyboardInterrupt) as error:
            outcome.status = "failed"
            outcome.message = _describe(error)
            _close(dsn, stage, outcome, row, clock())
            raise
        try:
            _close(dsn, stage, outcome, row, clock())
        except RetailError as error:
            cause = error.__cause__
            reason = described(cause) if isinstance(cause, psycopg2.Error) else str(error)
            raise type(error)(
                f"The stage {stage.stage} has done its work, but its end could not be recorded: {reason}."
                " Run again; nothing is done twice."
            ) from error


def _open(dsn: str, stage: StageRun, started_at: datetime) -> int:
    with session(dsn, application_name=f"retail-{stage.stage}") as connection, transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO ops.pipeline_runs (run_id, stage, business_date, status, started_at)"
            " VALUES (%s, %s, %s, 'running', %s) RETURNING pipeline_run_id",
            (stage.run_id, stage.stage, stage.business_date, started_at),
        )
        row: tuple[int] = cursor.fetchone()  # type: ignore[assignment]
    return row[0]


def _close(dsn: str, stage: StageRun, outcome: StageOutcome, pipeline_run_id: int, finished_at: datetime) -> None:
    with session(dsn, application_name=f"retail-{stage.stage}") as connection:
        with transaction(connection) as cursor:
            cursor.execute(
                "UPDATE ops.pipeline_runs SET status = %s, finished_at = %s, message = %s, details = %s"
                " WHERE pipeline_run_id = %s",
                (outcome.status, finished_at, outcome.message, json.dumps(outcome.details or {}), pipeline_run_id),
            )
        if outcome.flows:
            _keep_lineage(connection, stage, outcome.flows, finished_at)


def _keep_lineage(connection: Connection, stage: StageRun, flows: Sequence[Flow], now: datetime) -> None:
    """Record the flows in a separate transaction; an error here never fails the run."""
    try:
        with transaction(connection) as cursor:
            record(cursor, stage.run_id, stage.stage, flows, now)
    except (RetailError, psycopg2.Error) as error:
        log.warning("lineage not kept", run_id=stage.run_id, stage=stage.stage, error=str(error))


@contextmanager
def _monitored(dsn: str, stage: StageRun, outcome: StageOutcome, clock: Callable[[], datetime]) -> Iterator[None]:
    """Push the run's metrics to Prometheus, if that is configured."""
    if not metrics.enabled():
        yield
        return
    event = metrics.StageEvent(stage.stage, stage.business_date, stage.retailers, clock())
    metrics.push_started(event)
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        metrics.push_finished(event, metrics.StageEnd(clock(), True, _kind_of(error), outcome.details or {}, {}))
        raise
    failed = outcome.status != "succeeded"
    sources = _scheduled_sources(dsn) if stage.stage in ("transform", "quality") else {}
    metrics.push_finished(event, metrics.StageEnd(clock(), failed, None, outcome.details or {}, sources))


def _describe(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return describe_error(error)


def _kind_of(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return StopRun.__name__
    kinds = (RetryLater, FixConfiguration, StopRun)
    return next((each.__name__ for each in kinds if isinstance(error, each)), "Defect")


def _scheduled_sources(dsn: str) -> dict[str, date | None]:
    """The scheduled sources and their latest published business date, whatever date the run was for. Never raises."""
    try:
        with session(dsn, application_name="retail-metrics") as connection, transaction(connection) as cursor:
            cursor.execute(
                "SELECT retailer_id, last_processed_date FROM ops.sources"
                " LEFT JOIN ops.pipeline_metadata USING (retailer_id) WHERE is_scheduled ORDER BY retailer_id"
            )
            return dict(cursor.fetchall())
    except RetailError as error:  # an error here never fails the run
        log.warning("sources not read for the metrics", error=str(error))
        return {}
