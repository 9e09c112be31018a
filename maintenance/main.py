"""Maintenance of the warehouse: one command per task, and what the maintenance DAG calls.

python -m maintenance.main orphans|partitions|statistics|gaps
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

import typer

from maintenance.gap_alerts import DAYS as GAP_DAYS
from maintenance.gap_alerts import watch_gaps
from maintenance.orphans import remove_orphans
from maintenance.partitions import create_partitions
from maintenance.statistics import refresh_statistics
from maintenance.task import TaskContext, TaskResult, utc_now
from shared.commands import JsonOption, exit_code, new_run_id, print_json
from shared.config import Settings, load_settings
from shared.logs import configure_logging

TASKS = {
    "orphans": remove_orphans,
    "partitions": create_partitions,
    "statistics": refresh_statistics,
    "gaps": watch_gaps,
}
app = typer.Typer(no_args_is_help=True, add_completion=False, help="Run a maintenance task; a DAG runs them all daily.")
Days = Annotated[int, typer.Option(min=1, max=3660, help="How many business dates, up to yesterday.")]


def run(task: str, day: date, *, settings: Settings, run_id: str) -> TaskResult:
    """Run one task as the DAG does; `day` is the last complete business date.

    Raises StopRun for a problem that an operator has to look at.
    """
    return TASKS[task](TaskContext(settings, run_id, day)).raise_on_problem()


@app.command()
def orphans(as_json: JsonOption = False) -> None:
    """Remove what killed runs left: unattached months, rows that say `running`, incomplete uploads, unused copies."""
    _show("orphans", as_json)


@app.command()
def partitions(as_json: JsonOption = False) -> None:
    """Create the next months' partitions of fact_sales and the days of the calendar."""
    _show("partitions", as_json)


@app.command()
def statistics(as_json: JsonOption = False) -> None:
    """Refresh the planner's statistics of tables that have grown."""
    _show("statistics", as_json)


@app.command()
def gaps(days: Days = GAP_DAYS, as_json: JsonOption = False) -> None:
    """Raise alerts for expected business dates that are missing; resolve those that are there now."""
    _show("gaps", as_json, days=days)


def _show(task: str, as_json: bool, **options: Any) -> None:
    show(TASKS[task], as_json, **options)


def show(task: Callable[..., TaskResult], as_json: bool, **options: Any) -> None:
    """Run a task for yesterday, print its result, and exit with 1 for a problem."""
    configure_logging()
    with exit_code():
        settings = load_settings()
        context = TaskContext(settings, new_run_id("maintenance"), settings.business_yesterday(utc_now()))
        done = task(context, **options)
        if as_json:
            print_json(done.as_dict())
        else:
            typer.echo(done.summary)
        if done.problem:
            typer.echo(done.problem, err=True)
            raise typer.Exit(1)


if __name__ == "__main__":
    app()
