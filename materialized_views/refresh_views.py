"""Refresh the materialized views, each in its own transaction, without blocking their readers.

python -m materialized_views.refresh_views
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

if __package__ in (None, ""):  # `cd materialized_views && python refresh_views.py`
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import psycopg2
import typer
from rich.table import Table

from materialized_views.catalog import view_definitions
from monitoring.alerts.outcomes import refresh_task, task_alerts
from monitoring.lineage.flows import refreshing
from monitoring.stage_runs import StageRun, record_stage
from shared.commands import console, exit_code, new_run_id
from shared.config import Settings, load_settings
from shared.database import Connection, described, session, transaction
from shared.errors import RetryLater, StopRun
from shared.logs import configure_logging, get_logger

log = get_logger(__name__)

LOCK_TIMEOUT = "10min"
"""How long a refresh waits for another one of the same view, or for readers of a view that is still empty."""


@dataclass(frozen=True)
class ViewRefresh:
    """One view after its refresh."""

    view: str
    rows: int
    seconds: float


@dataclass(frozen=True)
class RefreshResult:
    """What a refresh of all views came to."""

    views: tuple[ViewRefresh, ...]

    @property
    def seconds(self) -> float:
        """Time of all refreshes together."""
        return sum(view.seconds for view in self.views)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {"views": [asdict(view) for view in self.views], "seconds": round(self.seconds, 3)}


def run(
    *,
    settings: Settings,
    run_id: str,
    day: date | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    stopwatch: Callable[[], float] = time.monotonic,
) -> RefreshResult:
    """Refresh all views.

    `day` is the business date the run is booked under; by default the one of the run's other stages, else the
    latest published. Raises FixConfiguration, RetryLater or StopRun; views refreshed before that stay so.
    """
    dsn = settings.warehouse_dsn.get_secret_value()
    with session(dsn, application_name="retail-refresh") as connection:
        with transaction(connection) as cursor:
            cursor.execute("SET lock_timeout = %s", (LOCK_TIMEOUT,))
        booked = day or _business_date(connection, run_id) or settings.business_yesterday(clock())
        with record_stage(dsn, StageRun(run_id, "refresh", booked), clock=clock) as stage:
            views = []
            for view in view_definitions():
                views.append(_refresh(connection, view, stopwatch))
                stage.flows += refreshing(dsn, booked, {view: views[-1].rows})
            result = RefreshResult(tuple(views))
            stage.finish(details=result.as_dict())
    log.info("views refreshed", run_id=run_id, business_date=str(booked), seconds=round(result.seconds, 3))
    return result


def _business_date(connection: Connection, run_id: str) -> date | None:
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT max(business_date) FROM ops.pipeline_runs WHERE run_id = %s),"
            " (SELECT max(last_processed_date) FROM ops.pipeline_metadata))",
            (run_id,),
        )
        row = cursor.fetchone()
    day: date | None = row[0] if row else None
    return day


def _refresh(connection: Connection, view: str, stopwatch: Callable[[], float]) -> ViewRefresh:
    started = stopwatch()
    try:
        with transaction(connection) as cursor:
            cursor.execute("SELECT ops.refresh_materialized_view(%s)", (view,))
            row = cursor.fetchone()
    except StopRun as error:
        raise StopRun(f"{view} could not be refreshed. {error}") from error
    except psycopg2.Error as error:
        raise StopRun(f"{view} could not be refreshed: {described(error)}") from error
    except RetryLater as error:
        if isinstance(error.__cause__, psycopg2.errors.LockNotAvailable):
            raise RetryLater(
                f"{view} has been locked for {LOCK_TIMEOUT}: {described(error.__cause__)}."
                " Wait for it to end, then run again."
            ) from error
        raise
    return ViewRefresh(view, int(row[0]) if row else 0, round(stopwatch() - started, 3))


def _table(result: RefreshResult) -> Table:
    table = Table(title="Materialized views", show_footer=True)
    table.add_column("view", footer="all")
    table.add_column("rows", justify="right", footer=f"{sum(view.rows for view in result.views):,}")
    table.add_column("seconds", justify="right", footer=f"{result.seconds:.3f}")
    for view in result.views:
        table.add_row(view.view, f"{view.rows:,}", f"{view.seconds:.3f}")
    return table


def main(as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False) -> None:
    """Refresh the materialized views of the warehouse. Readers are not blocked meanwhile."""
    configure_logging()
    with exit_code():
        settings, run_id = load_settings(), new_run_id("refresh")
        dsn, task = settings.warehouse_dsn.get_secret_value(), refresh_task("retail refresh", run_id)
        with task_alerts(dsn, task, clock=lambda: datetime.now(UTC)):
            result = run(settings=settings, run_id=run_id)
        if as_json:
            typer.echo(json.dumps(result.as_dict(), indent=2))
        else:
            console().print(_table(result))


if __name__ == "__main__":
    typer.run(main)
