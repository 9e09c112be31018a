"""`retail schedule`: pause and unpause the DAGs, run a date, backfill a range, list the runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

import typer
from rich.console import Console
from rich.table import Table

from cli import backfill_plan
from cli.airflow_session import (
    Airflow,
    DagOption,
    WaitOption,
    check_zone,
    chosen_day,
    open_airflow,
    reject_paused,
)
from cli.deferred import PlainCommand, PlainGroup
from cli.run_monitor import RunMonitor, failure_reason, run_facts, watching_only
from shared.airflow_rest.client import DAG_ID
from shared.airflow_rest.runs import Run, latest_runs, reasons, trigger
from shared.commands import DateArgument, JsonOption, console, exit_code, print_json
from shared.counts import counted
from shared.terminal_text import escape

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    add_completion=False,
    help="The DAGs in Airflow: pause and unpause them, run a date, backfill a range, list the runs.",
)
Reprocess = Literal["none", "failed", "completed"]
_STATES = {"success": "[green]success[/]", "failed": "[red]failed[/]", "running": "[cyan]running[/]"}


@app.command("list", cls=PlainCommand)
def list_dags(as_json: JsonOption = False) -> None:
    """List the DAGs: their schedule, whether they are paused, how their last run ended."""
    with exit_code():
        airflow = open_airflow()
        found = [_dag_facts(airflow, dag) for dag in airflow.dags()]
        if as_json:
            print_json(found)
            return
        table = Table(title=f"DAGs of {airflow.api.page_url}", title_justify="left", box=None, header_style="dim")
        for name in ("DAG", "on", "schedule", f"next run ({airflow.timezone})", "last run for", "state"):
            table.add_column(name, no_wrap=True)
        for each in found:
            last: Mapping[str, Any] = each["last_run"] or {}
            table.add_row(
                escape(each["dag_id"]),
                "[yellow]paused[/]" if each["paused"] else "on",
                escape(each["schedule"]),
                "" if each["paused"] else _local(each["next_run"], airflow),
                str(last.get("business_date", "")),
                _STATES.get(str(last.get("state")), str(last.get("state", "never ran"))),
            )
        console().print(table)


@app.command("pause", cls=PlainCommand)
def pause(dag: DagOption = DAG_ID, as_json: JsonOption = False) -> None:
    """Pause a DAG: no new run starts; running ones finish."""
    _switch(dag, True, as_json)


@app.command("unpause", cls=PlainCommand)
def unpause(dag: DagOption = DAG_ID, as_json: JsonOption = False) -> None:
    """Unpause a DAG. Airflow immediately runs the latest missed interval."""
    _switch(dag, False, as_json)


@app.command("trigger", cls=PlainCommand)
def trigger_run(
    day: DateArgument = None, dag: DagOption = DAG_ID, wait: WaitOption = True, as_json: JsonOption = False
) -> None:
    """Run one business date now and show its tasks until it has finished.

    Exits with 1 when the run failed, and shows why. Ctrl-C stops the watching, not the run.
    """
    with exit_code():
        airflow = open_airflow()
        known = airflow.dag(dag)
        conf = {"date": chosen_day(day, airflow, datetime.now(UTC)).isoformat()} if day or dag == DAG_ID else {}
        if wait:
            reject_paused(known)
        out = Console(stderr=as_json, highlight=False, soft_wrap=True)
        run = trigger(airflow.api, dag, airflow.timezone, conf=conf)
        out.print(f"[bold]{conf.get('date', dag)}[/] · run {escape(run.run_id)} · {run.page(airflow.api.page_url)}")
        if not wait:
            if known["is_paused"]:
                typer.echo(f"{dag} is paused: the run stays in the queue until: retail schedule unpause", err=True)
            if as_json:
                print_json({**run_facts(airflow, run), "tasks": []})
            return
        with watching_only("the run continues", run.page(airflow.api.page_url)):
            ended, tasks = RunMonitor(airflow, out).one(run)
        because = reasons(airflow.api, ended, tasks)
        if as_json:
            facts = [{"name": each.name, "state": each.state, "seconds": each.seconds} for each in tasks]
            print_json({**run_facts(airflow, ended, because), "tasks": facts})
        _show_end(airflow, ended, because, out)
        raise typer.Exit(0 if ended.state == "success" else 1)


@app.command("backfill", cls=PlainCommand)
def backfill(
    first: Annotated[str, typer.Argument(metavar="FROM", help="First business date, YYYY-MM-DD.")],
    last: Annotated[str, typer.Argument(metavar="TO", help="Last business date, included.")],
    reprocess: Annotated[
        Reprocess,
        typer.Option(
            metavar="WHICH", help=f"Which dates that already have a run to run again, {', '.join(get_args(Reprocess))}."
        ),
    ] = "none",
    max_active_runs: Annotated[int, typer.Option(min=1, max=100, help="How many dates run concurrently.")] = 4,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which dates would run.")] = False,
    dag: DagOption = DAG_ID,
    wait: WaitOption = True,
    as_json: JsonOption = False,
) -> None:
    """Run every business date from FROM to TO, both included, on the days of BUSINESS_TIMEZONE.

    Dates that already have a run are listed and stay unchanged, unless --reprocess is given: `failed` runs the failed
    ones again, `completed` all of them. Exits with 1 when a date failed. Ctrl-C stops the watching only.
    """
    with exit_code():
        airflow = open_airflow()
        known, now = airflow.dag(dag), datetime.now(UTC)
        days = [chosen_day(text, airflow, now) for text in (first, last)]
        dates = backfill_plan.date_range(days[0], days[1], airflow.zone, now)
        check_zone(known, airflow.timezone)
        out = Console(stderr=as_json, highlight=False, soft_wrap=True)
        plan = backfill_plan.plan(airflow, dag, dates, reprocess)
        _show_plan(plan, out, dry_run=dry_run)
        runs: list[Run] = []
        if plan.to_run and not dry_run:
            if wait:
                reject_paused(known)
            runs = _run_backfill(airflow, dag, plan, reprocess, max_active_runs, out if wait else None)
        failed = [run for run in runs if run.state == "failed"]
        if as_json:
            print_json(_backfill_facts(airflow, plan, runs))
        elif failed:
            days_failed = backfill_plan.format_dates([run.day for run in failed])
            out.print(f"Failed: {days_failed}. Fix the cause, then run them again:")
            out.print(f"  retail schedule backfill {dates.first} {dates.last} --reprocess failed")
        raise typer.Exit(1 if failed else 0)


@app.command("runs", cls=PlainCommand)
def runs(
    dag: DagOption = DAG_ID,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List the latest runs with their business dates; for failed ones the reason."""
    with exit_code():
        airflow = open_airflow()
        airflow.dag(dag)
        found = [(run, failure_reason(airflow, run)) for run in latest_runs(airflow.api, dag, airflow.timezone, limit)]
        if as_json:
            print_json([run_facts(airflow, run, because) for run, because in found])
        elif found:
            console().print(_runs_table(dag, found, airflow))
        else:
            typer.echo(f"{dag} has not run yet. Run a date: retail schedule trigger 2024-01-15")


def _switch(dag: str, paused: bool, as_json: bool) -> None:
    with exit_code():
        changed = open_airflow().pause(dag, paused)
        if as_json:
            print_json({"dag_id": dag, "paused": paused, "changed": changed})
        else:
            typer.echo(f"{dag} is {'' if changed else 'already '}{'paused' if paused else 'on'}.")


def _dag_facts(airflow: Airflow, dag: Mapping[str, Any]) -> dict[str, Any]:
    last = latest_runs(airflow.api, dag["dag_id"], airflow.timezone, 1)
    return {
        "dag_id": dag["dag_id"],
        "paused": dag["is_paused"],
        "schedule": dag["timetable_summary"] or "only when triggered",
        "next_run": dag["next_dagrun_run_after"],
        "last_run": run_facts(airflow, last[0]) if last else None,
    }


def _run_backfill(
    airflow: Airflow, dag: str, plan: backfill_plan.Plan, reprocess: str, max_active_runs: int, out: Console | None
) -> list[Run]:
    """Start it and, with a console, watch it until its runs are done."""
    page = f"{airflow.api.page_url}/dags/{dag}/backfills"
    number = backfill_plan.start(airflow, dag, plan.dates, reprocess, max_active_runs)
    if out is None:
        typer.echo(f"Backfill {number} has started. See {page}, or: retail schedule runs", err=True)
        return backfill_plan.runs_of(airflow, dag, plan)
    with watching_only("the backfill continues", page):
        return RunMonitor(airflow, out).many(lambda: backfill_plan.runs_of(airflow, dag, plan))


def _show_plan(plan: backfill_plan.Plan, out: Console, *, dry_run: bool) -> None:
    for state in sorted(set(plan.kept.values())):
        days = [day for day, each in plan.kept.items() if each == state]
        out.print(f"Already run, {state}: {backfill_plan.format_dates(days)}")
    verb = "Would run" if dry_run else "Runs"
    which = f": {backfill_plan.format_dates(plan.to_run)}" if plan.to_run else ""
    out.print(f"{verb} {len(plan.to_run)} of {counted(len(plan.dates.days), 'date')}{which}")
    if plan.kept and not plan.to_run:
        out.print("To run them again: --reprocess completed, or --reprocess failed for the failed ones.")


def _show_end(airflow: Airflow, run: Run, because: Sequence[str], out: Console) -> None:
    seconds = f" in {run.seconds:.1f} s" if run.seconds is not None else ""
    out.print(f"{_STATES.get(str(run.state), run.state)}{seconds}")
    for reason in because:
        typer.echo(reason, err=True)
    if run.state != "success":
        typer.echo(f"See {run.page(airflow.api.page_url)}: fix the cause, then clear the failed task there.", err=True)


def _backfill_facts(airflow: Airflow, plan: backfill_plan.Plan, runs: Sequence[Run]) -> dict[str, Any]:
    return {
        "ok": all(run.state != "failed" for run in runs),
        "to_run": [str(day) for day in plan.to_run],
        "there": {str(day): state for day, state in plan.kept.items()},
        "runs": [
            run_facts(airflow, run, failure_reason(airflow, run)) for run in sorted(runs, key=lambda run: run.day)
        ],
    }


def _runs_table(dag: str, found: Sequence[tuple[Run, Sequence[str]]], airflow: Airflow) -> Table:
    table = Table(title=f"Runs of {dag}, newest first", title_justify="left", box=None, header_style="dim")
    for name in ("for", "kind", "state", f"began ({airflow.timezone})"):
        table.add_column(name, no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for run, because in found:
        began = f"{run.started_at.astimezone(airflow.zone):%Y-%m-%d %H:%M:%S}" if run.started_at else ""
        seconds = f"{run.seconds:.1f}" if run.seconds is not None else ""
        state = _STATES.get(str(run.state), str(run.state))
        table.add_row(str(run.day), run.kind, state, began, seconds, escape("; ".join(because)))
    return table


def _local(time: str | None, airflow: Airflow) -> str:
    return f"{datetime.fromisoformat(time).astimezone(airflow.zone):%Y-%m-%d %H:%M}" if time else ""
