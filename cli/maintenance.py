"""`retail maintenance`: the tasks of the warehouse, and those that need the stages of the pipeline."""

from __future__ import annotations

from dataclasses import asdict

import typer

from maintenance.main import Days, app, show
from pipeline.reconciliation.model import DAYS
from shared.commands import JsonOption, exit_code, print_json
from shared.config import load_settings
from shared.counts import counted
from shared.logs import configure_logging

__all__ = ["app"]


@app.command()
def unfinished(as_json: JsonOption = False) -> None:
    """Finish runs that have published and were then killed: lineage, alerts, metrics, checks and views.

    Exits with 1 when something is still left to do. A failed check is shown; it keeps the views as they are.
    """
    from pipeline.finish_runs import finish_runs

    configure_logging()
    with exit_code():
        done = finish_runs(load_settings())
        problems = {run_id: run.problem for run_id, run in done.items() if run.problem}
        if as_json:
            print_json({"ok": not problems, "runs": {run_id: asdict(run) for run_id, run in done.items()}})
        else:
            typer.echo(f"{counted(len(done) - len(problems), 'run')} finished")
        for run_id, run in done.items():
            if run.finding:
                typer.echo(f"{run_id} is finished without a refresh of the views: {run.finding}", err=True)
        for run_id, problem in problems.items():
            typer.echo(f"{run_id} is not finished: {problem}", err=True)
        raise typer.Exit(1 if problems else 0)


@app.command()
def reconcile(days: Days = DAYS, as_json: JsonOption = False) -> None:
    """Compare all stores, and raise alerts for what differs. Exits with 1 when something does.

    The same comparison without alerts, of any dates: retail reconcile.
    """
    from pipeline.reconciliation.task import reconcile_recent

    show(reconcile_recent, as_json, days=days)
