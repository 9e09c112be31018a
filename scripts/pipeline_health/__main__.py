"""The health check of the platform: `scripts/check_pipeline_health.sh`, `make health-check` and `retail health`.

Exit status: 0 nothing is down, 1 something is down, 2 something could not be checked (a setting is missing, the
container engine does not respond, nothing is configured).

`--json` prints one object. Fields may be added; these stay:

exit_status   0, 1 or 2, as above
platform      local, containers, other (settings of a platform elsewhere) or none (nothing is configured)
findings      a list, in the order of the report, each with
  area        services, environment, warehouse, recent runs, S3, retailer APIs, Airflow; platform when there is none
  item        the service, bucket, source, stage …; unique in its area but for "stuck runs" and "import errors"
  health      ok, attention (works, but needs a look), down or unknown (could not be checked)
  reason      what was found
  remedy      what to do; empty when there is nothing to do
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from scripts.pipeline_health.advice import Kind
from scripts.pipeline_health.airflow_status import check_airflow
from scripts.pipeline_health.configuration import check_settings, sources_of
from scripts.pipeline_health.containers import check_containers
from scripts.pipeline_health.findings import Finding, Health, Probe, exit_status, reported
from scripts.pipeline_health.local_services import check_services
from scripts.pipeline_health.platforms import Choice, Platform, find_platform
from scripts.pipeline_health.report import print_report
from scripts.pipeline_health.sources import check_sources
from scripts.pipeline_health.storage import check_buckets
from scripts.pipeline_health.warehouse import check_warehouse
from shared.errors import RetailError
from shared.parallel import run_within

DEADLINE_SECONDS = 10.0
"""For all checks together. Each has shorter timeouts of its own, but name resolution has none."""
SLOW = "Is the network slow or blocked?"
NOTHING = Finding(
    "platform",
    "platform",
    Health.UNKNOWN,
    "no platform runs here and none is configured",
    "Start one: python3 scripts/generate_env.py && docker-compose up -d, or without containers: make up."
    " For one elsewhere set WAREHOUSE_DSN and the other settings of .env.example",
)


def probes(platform: Platform, now: datetime) -> dict[str, Probe]:
    """The checks by area, in the order of the report."""
    environ, advice, engine = platform.environ, platform.advice, platform.engine
    checks: dict[str, Probe] = {}
    if platform.kind is Kind.NONE:
        return {"platform": lambda: [NOTHING]}
    if engine is not None:
        checks["services"] = lambda: check_containers(engine, advice, now, platform.inspected)
    elif platform.kind is Kind.LOCAL:
        checks["services"] = lambda: check_services(platform.root)
    return checks | {
        "environment": lambda: check_settings(environ, advice, platform.root),
        "warehouse": lambda: check_warehouse(environ, now, advice),
        "S3": lambda: check_buckets(environ, advice),
        "retailer APIs": lambda: check_sources(sources_of(environ, platform.root), advice),
        "Airflow": lambda: check_airflow(environ, now, advice),
    }


def check_all(checks: Mapping[str, Probe], deadline_seconds: float = DEADLINE_SECONDS) -> list[Finding]:
    """Run the checks concurrently; none is waited for beyond the deadline."""

    def run(area: str) -> list[Finding]:
        found: list[Finding] = []
        with reported(area, area, found):
            found.extend(checks[area]())
        return found

    late = f"no response within {deadline_seconds:g} s"
    results = run_within(deadline_seconds, run, list(checks), name="check")
    return [
        finding
        for area, found in zip(checks, results, strict=True)
        for finding in ([Finding(area, area, Health.DOWN, late, SLOW)] if found is None else found)
    ]


def main(
    platform: Annotated[
        Choice,
        typer.Option(
            "--platform",
            help="Which platform: the local one (make up), this checkout's containers (docker-compose), or whichever"
            " of them runs. When WAREHOUSE_DSN names another host, auto checks the platform there.",
        ),
    ] = Choice.AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check services, settings, warehouse, S3, retailer APIs, Airflow and the last runs.

    Exits with 0 when nothing is down, 1 when something is down, 2 when something could not be checked.
    """
    try:
        looked_at = find_platform(platform)
    except RetailError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    findings = check_all(probes(looked_at, datetime.now(UTC)))
    status = exit_status(findings)
    if as_json:
        found = [each.as_dict() for each in findings]
        typer.echo(json.dumps({"exit_status": status, "platform": str(looked_at.kind), "findings": found}, indent=2))
    else:
        print_report(looked_at.title, findings, status, Console())
    raise typer.Exit(status)


if __name__ == "__main__":
    typer.run(main)
