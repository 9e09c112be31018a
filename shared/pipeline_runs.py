"""ops.pipeline_runs: one row per execution of a stage, opened at its start and closed with its outcome."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from shared.database import session, transaction
from shared.errors import RetailError


@dataclass(frozen=True)
class StageRun:
    """Which stage runs, for which date, under which run."""

    run_id: str
    stage: str
    business_date: date


@dataclass
class StageOutcome:
    """Filled in by the stage before it ends."""

    status: str = "succeeded"
    message: str | None = None
    details: Mapping[str, Any] | None = None

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
    """Write the row; an error of the stage ends in it and goes on to the caller.

    A row that stays `running` is the trace of a process that was killed.
    """
    outcome = StageOutcome()
    with session(dsn, application_name=f"retail-{stage.stage}") as connection, transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO ops.pipeline_runs (run_id, stage, business_date, status, started_at)"
            " VALUES (%s, %s, %s, 'running', %s) RETURNING pipeline_run_id",
            (stage.run_id, stage.stage, stage.business_date, clock()),
        )
        row = cursor.fetchone()
    try:
        yield outcome
    except Exception as error:
        outcome.status = "failed"
        outcome.message = str(error) if isinstance(error, RetailError) else f"{type(error).__name__}: {error}"
        _close(dsn, stage, outcome, row, clock())
        raise
    _close(dsn, stage, outcome, row, clock())


def _close(
    dsn: str, stage: StageRun, outcome: StageOutcome, row: tuple[Any, ...] | None, finished_at: datetime
) -> None:
    with session(dsn, application_name=f"retail-{stage.stage}") as connection, transaction(connection) as cursor:
        cursor.execute(
            "UPDATE ops.pipeline_runs SET status = %s, finished_at = %s, message = %s, details = %s"
            " WHERE pipeline_run_id = %s",
            (outcome.status, finished_at, outcome.message, json.dumps(outcome.details or {}), row[0] if row else None),
        )
