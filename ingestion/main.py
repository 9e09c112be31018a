"""Ingest one business date: the sales of every source into the raw zone, sources in parallel.

python -m ingestion.main 2024-01-15 [--retailer retailer_1] [--since-watermark]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # `cd ingestion && python main.py DATE`
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import structlog
import typer
from rich.table import Table

from ingestion.connectors.protocol import Runtime
from ingestion.landing.write import RawZone
from ingestion.lineage import flows_of
from ingestion.prefetch import reduced_gc
from ingestion.results import IngestResult, RetailerResult
from ingestion.retailer_run import ingest_retailer
from monitoring.alerts.outcomes import AlertOrigin, command_origin, missing_alerts, report_clocks, report_schema
from monitoring.stage_runs import StageRun, record_stage
from shared.commands import (
    DateArgument,
    RetailerOption,
    business_date,
    console,
    exit_code,
    new_run_id,
)
from shared.config import Settings, load_settings
from shared.counts import counted
from shared.logs import configure_logging
from shared.parallel import run_in_parallel
from shared.s3_client import Bucket


def run(
    day: date,
    retailers: Sequence[str],
    *,
    settings: Settings,
    run_id: str,
    since_watermark: bool = False,
    clock: Callable[[], datetime] | None = None,
    runtime: Runtime | None = None,
    load_files: Callable[[str], RetailerResult] | None = None,
) -> IngestResult:
    """Land `day` of each retailer; with `since_watermark` also the dates that changed or are missing.

    `load_files` is what is done for a retailer whose files are dropped in a location, instead of reading its API.
    A retailer that fails does not stop the others; the result names it. Raises RetryLater or FixConfiguration when the
    warehouse or the bucket, which all retailers need, cannot be reached.
    """
    around = runtime or Runtime()
    if clock is not None:
        around = replace(around, clock=clock)
    dsn = settings.warehouse_dsn.get_secret_value()
    with record_stage(dsn, StageRun(run_id, "ingest", day, tuple(retailers)), clock=around.clock) as stage:
        bucket = Bucket(settings.s3, settings.s3.bucket_raw)
        bucket.check()
        zone = RawZone(bucket, dsn, run_id)

        def ingest(retailer_id: str) -> RetailerResult:
            with structlog.contextvars.bound_contextvars(run_id=run_id):
                if load_files and retailer_id in settings.sources.drops():
                    return load_files(retailer_id)
                return ingest_retailer(retailer_id, day, zone, settings, around, since_watermark=since_watermark)

        with reduced_gc():
            result = IngestResult(run_id, day, run_in_parallel(ingest, retailers, name="ingest"))
        _report_clocks(dsn, result, around.clock)
        _report_schemas(dsn, result, around.clock)
        stage.flows += flows_of(result, settings)
        stage.finish(
            details=result.as_dict(),
            failed=[each.retailer_id for each in result.failed],
            of=len(result.results),
            message="; ".join(each.error or "" for each in result.failed),
        )
    return result


def _report_clocks(dsn: str, result: IngestResult, clock: Callable[[], datetime]) -> None:
    """The alerts about clocks. A source that failed before its clock was read says nothing about it."""
    read = {each.retailer_id: each.clock_warnings for each in result.results if each.clock_warnings or not each.error}
    origin = AlertOrigin(result.run_id, f"ingestion, run {result.run_id}")
    report_clocks(dsn, result.business_date, read, origin, clock=clock)


def _report_schemas(dsn: str, result: IngestResult, clock: Callable[[], datetime]) -> None:
    """The alerts about changed schemas. A source that failed before its schema was read says nothing about it."""
    origin = AlertOrigin(result.run_id, f"ingestion, run {result.run_id}")
    for each in result.results:
        notice = each.schema_notice
        if notice:
            text = (notice.severity, notice.summary, notice.detail)
            report_schema(dsn, result.business_date, each.retailer_id, text, origin, clock=clock)
        elif not each.error:
            report_schema(dsn, result.business_date, each.retailer_id, None, origin, clock=clock)


def _table(result: IngestResult) -> Table:
    table = Table(title=f"Ingested for {result.business_date}")
    for name in ("retailer", "date"):
        table.add_column(name)
    for name in ("reported", "fetched", "landed", "rejected", "net amount", "seconds"):
        table.add_column(name, justify="right")
    for each in result.results:
        for landed in each.dates:
            counts = (landed.fetched, landed.landed, landed.rejected)
            money = "\n".join(f"{amount:,.2f} {code}" for code, amount in sorted(landed.net_amounts.items()))
            table.add_row(
                each.retailer_id,
                str(landed.business_date),
                "–" if landed.reported is None else f"{landed.reported:,}",
                *(f"{count:,}" for count in counts),
                money,
                f"{landed.seconds:.1f}",
            )
        if each.error:
            table.add_row(each.retailer_id, str(result.business_date), *[""] * 4, "failed", "")
    return table


def main(
    day: DateArgument = None,
    retailer: RetailerOption = None,
    since_watermark: Annotated[
        bool,
        typer.Option(
            "--since-watermark",
            help="Also land the dates that changed at the source or are missing since the last load.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Land a business date of the retailers in the raw zone (default: yesterday)."""
    configure_logging()
    with exit_code():
        settings = load_settings()
        chosen = business_date(day, settings)
        sources = settings.sources.chosen(retailer, chosen, drops=False)
        result = _ingest(chosen, sources, settings, since_watermark=since_watermark)
        if as_json:
            typer.echo(json.dumps(result.as_dict(), indent=2))
        else:
            console().print(_table(result))
        if rejected := sum(landed.rejected for each in result.results for landed in each.dates):
            typer.echo(f"Rejected: {counted(rejected, 'line')}. To see why: retail dead-letters list", err=True)
        for each in result.results:
            for line in (
                *each.notes,
                *each.clock_warnings,
                *([f"{each.schema_notice.summary}. {each.schema_notice.detail}"] if each.schema_notice else []),
                *([f"{each.retailer_id} was not landed: {each.error}"] if each.error else []),
            ):
                typer.echo(line, err=True)
        raise typer.Exit(0 if result.ok else 1)


def _ingest(day: date, retailers: Sequence[str], settings: Settings, *, since_watermark: bool) -> IngestResult:
    """Run the stage, and raise the alerts of retailers that were not landed, as a run in Airflow does."""
    run_id, dsn = new_run_id("ingest"), settings.warehouse_dsn.get_secret_value()
    origin = command_origin("retail ingest", run_id)
    with missing_alerts(dsn, day, retailers, origin, clock=lambda: datetime.now(UTC)) as missing:
        result = run(day, retailers, settings=settings, run_id=run_id, since_watermark=since_watermark)
        missing |= {each.retailer_id: each.error or "" for each in result.failed}
    return result


if __name__ == "__main__":
    typer.run(main)
