"""`retail gaps`: business dates without a published load, and filling them through Airflow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.airflow_session import Airflow, open_airflow, reject_paused
from cli.run_monitor import RunMonitor, watching_only
from maintenance.gap_alerts import gap_facts
from maintenance.gaps import Gap, as_ranges, find_gaps
from shared.airflow_rest.client import DAG_ID
from shared.airflow_rest.runs import Run, runs_named, trigger
from shared.commands import JsonOption, RetailerOption, business_date, console, exit_code, print_json
from shared.config import Settings, load_settings
from shared.counts import counted
from shared.database import session
from shared.errors import FixConfiguration
from shared.sources.expected import Expected, expected_sources
from shared.terminal_text import escape


def gaps(
    first: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="First business date. Default: each retailer's first."),
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last date. Default: yesterday.")] = None,
    retailer: RetailerOption = None,
    fill: Annotated[bool, typer.Option("--fill", help="Run the missing dates in Airflow and wait for them.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the business dates of each retailer without a published load, up to yesterday.

    A retailer that was never loaded has no gaps, and no date before its start date is missing. Sources that
    are not scheduled daily have none. With --fill, Airflow runs each missing date, the oldest first. Exits with 1 when
    dates are still missing.
    """
    with exit_code():
        settings = load_settings()
        expected = _expected(settings, retailer or ())
        since = business_date(first, settings) if first else None
        until = business_date(last, settings)
        if since and since > until:
            raise FixConfiguration(f"--from {since} is after --to {until}. Give the earlier date first.")
        missing = _find(settings, since, until, expected)
        out = Console(stderr=as_json, highlight=False, soft_wrap=True)
        runs: list[Run] = []
        if fill and missing:
            _show(missing, out)
            runs = _fill(open_airflow(), sorted({gap.business_date for gap in missing}), out)
            missing = _find(settings, since, until, expected)
        if as_json:
            states = {str(run.day): run.state for run in runs}
            print_json({"ok": not missing, "last_date": until, "gaps": gap_facts(missing), "runs": states})
        else:
            _print_result(missing, until, filled=len(runs))
        raise typer.Exit(1 if missing else 0)


def _expected(settings: Settings, names: Sequence[str]) -> Expected:
    """The scheduled sources, or the named ones of them. Raises FixConfiguration for any other name."""
    settings.sources.check_known(names)
    expected = expected_sources(settings.sources)
    if others := [name for name in names if name not in expected]:
        raise FixConfiguration(
            f"{', '.join(others)} is disabled or manual: no scheduled run reads it, so none of its dates is missing."
        )
    return {name: expected[name] for name in names or expected}


def _find(settings: Settings, first: date | None, last: date, expected: Expected) -> list[Gap]:
    with session(settings.warehouse_dsn.get_secret_value(), application_name="retail-gaps") as connection:
        return find_gaps(connection, first, last, expected)


def _fill(airflow: Airflow, days: Sequence[date], out: Console) -> list[Run]:
    """A run for each date; Airflow runs as many concurrently as the DAG allows. Other dates stay unchanged."""
    reject_paused(airflow.dag(DAG_ID))
    prefix = f"fill_gaps__{datetime.now(UTC):%Y%m%dT%H%M%S}__"
    for day in days:
        conf = {"date": day.isoformat(), "only_this_date": True}
        trigger(airflow.api, DAG_ID, airflow.timezone, conf=conf, run_id=f"{prefix}{day}")
    out.print(f"Runs {counted(len(days), 'date')} in Airflow: {airflow.api.page_url}/dags/{DAG_ID}/runs")
    with watching_only("the runs continue", f"{airflow.api.page_url}/dags/{DAG_ID}/runs"):
        return RunMonitor(airflow, out).many(lambda: runs_named(airflow.api, DAG_ID, prefix, airflow.timezone))


def _print_result(missing: Sequence[Gap], until: date, *, filled: int) -> None:
    if not missing:
        typer.echo(
            f"No business date is missing up to {until}."
            if not filled
            else f"{counted(filled, 'date')} run; none missing."
        )
        return
    _show(missing, console())
    if filled:
        typer.echo("These are still missing. To see why: retail schedule runs", err=True)
    else:
        typer.echo("To fill them: retail gaps --fill, with the same options", err=True)


def _show(missing: Sequence[Gap], out: Any) -> None:
    table = Table(title="Business dates without a published load", title_justify="left", box=None, header_style="dim")
    table.add_column("retailer", no_wrap=True)
    table.add_column("dates")
    for each in as_ranges(missing):
        table.add_row(escape(each.retailer_id), str(each))
    out.print(table)
