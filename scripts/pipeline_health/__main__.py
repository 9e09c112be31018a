"""Is the pipeline well? Behind `scripts/check_pipeline_health.sh` and `make health-check`.

Exit status: 0 all is well or needs attention only, 1 something is down, 2 it cannot be told (a setting is missing).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scripts.pipeline_health.configuration import check_settings
from scripts.pipeline_health.findings import Finding, Health, Probe, exit_status, reported
from scripts.pipeline_health.local_services import check_services
from scripts.pipeline_health.over_http import check_airflow, check_retailers
from scripts.pipeline_health.storage import check_buckets
from scripts.pipeline_health.warehouse import check_warehouse
from shared.config import read_environment
from shared.errors import RetailError

STYLES = {Health.OK: "green", Health.ATTENTION: "yellow", Health.DOWN: "bold red", Health.UNKNOWN: "magenta"}
IN_WORDS = {0: "All is well.", 1: "Something is down.", 2: "Not everything could be checked."}


def probes(environ: Mapping[str, str], now: datetime) -> dict[str, Probe]:
    """The checks by area, in the order of the report."""
    return {
        "services": check_services,
        "environment": lambda: check_settings(environ),
        "warehouse": lambda: check_warehouse(environ, now),
        "S3": lambda: check_buckets(environ),
        "retailer APIs": lambda: check_retailers(environ),
        "Airflow": lambda: check_airflow(environ, now),
    }


def check_all(checks: Mapping[str, Probe]) -> list[Finding]:
    """Run the checks side by side: with everything down, it takes as long as the slowest time-out."""

    def guarded(area: str) -> Sequence[Finding]:
        found: list[Finding] = []
        with reported(area, area, found):
            found.extend(checks[area]())
        return found

    with ThreadPoolExecutor(max_workers=len(checks)) as pool:
        return [finding for findings in pool.map(guarded, checks) for finding in findings]


def main(as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Check services, settings, warehouse, S3, retailer APIs, Airflow and the last runs.

    Ends with 0 when all is well, 1 when something is down, 2 when it cannot be told.
    """
    try:
        environ = read_environment()
    except RetailError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    findings = check_all(probes(environ, datetime.now(UTC)))
    status = exit_status(findings)
    if as_json:
        typer.echo(json.dumps({"exit_status": status, "findings": [each.as_dict() for each in findings]}, indent=2))
    else:
        _print(findings, status, Console())
    raise typer.Exit(status)


def _print(findings: Sequence[Finding], status: int, console: Console) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(min_width=9)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    area = ""
    for each in findings:
        if each.area != area:
            table.add_row("", f"[bold]{each.area}[/]", "")
        remedy = f" [dim]→ {escape(each.remedy)}[/]" if each.remedy else ""
        table.add_row(f"[{STYLES[each.health]}]{each.health}[/]", escape(each.item), escape(each.reason) + remedy)
        area = each.area
    console.print(table, highlight=False)
    notes = sum(each.health is Health.ATTENTION for each in findings)
    words = IN_WORDS[status] + (f" {notes} need attention." if notes > 1 else " One needs attention." if notes else "")
    console.print(words)


if __name__ == "__main__":
    typer.run(main)
