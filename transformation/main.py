"""Transform one business date: raw partitions to conformed Parquet and to the warehouse, retailers concurrently.

python -m transformation.main 2024-01-15 [--retailer retailer_1] [--insert-only]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

if __package__ in (None, ""):  # `cd transformation && python main.py DATE`
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import typer
from rich.table import Table

from monitoring.alerts.outcomes import command_origin, missing_alerts
from monitoring.stage_runs import StageRun, record_stage
from monitoring.unfinished_runs import RunRecord, UnfinishedRun
from shared.commands import (
    HELD_EXIT_CODE,
    DateArgument,
    RetailerOption,
    business_date,
    console,
    exit_code,
    new_run_id,
)
from shared.config import Settings, load_settings
from shared.database import session, transaction
from shared.errors import RetailError, describe_error
from shared.logs import configure_logging, get_logger
from shared.parallel import run_in_parallel
from shared.publication_gate import quality_gate
from shared.s3_client import Bucket
from shared.scratch import scratch_directory
from shared.sources.table import record_definitions
from transformation.bulk import landed_days
from transformation.conform import ConformedBatch
from transformation.lineage import flows_of, with_lineage
from transformation.load.result import LoadOptions, LoadResult
from transformation.loads import RetailerLoad, failed_load, published_load, refresh_statistics
from transformation.processed_zone import processed_writer
from transformation.processors.star_schema_processor import OutdatedRead, publish
from transformation.raw_partitions import columnar_workspace, read_manifest, read_partitions

log = get_logger(__name__)
Clock = Callable[[], datetime]
_READINGS = 4
"""How often a partition is read again that is replaced between reading and loading, the first time included."""


@dataclass(frozen=True)
class _Load:
    """What one retailer's load needs."""

    retailer_id: str
    day: date
    settings: Settings
    raw: Bucket
    processed: Bucket
    run_id: str
    insert_only: bool
    clock: Clock


@dataclass(frozen=True)
class TransformResult:
    """The result of a run: one load per retailer."""

    business_date: date
    loads: tuple[RetailerLoad, ...]

    @property
    def failed(self) -> tuple[RetailerLoad, ...]:
        """Retailers of which nothing was published."""
        return tuple(load for load in self.loads if load.error)

    @property
    def held(self) -> tuple[RetailerLoad, ...]:
        """Retailers of which a date is held: landed, and not published."""
        return tuple(load for load in self.loads if load.is_held and not load.error)

    @property
    def ok(self) -> bool:
        """Whether every requested retailer was published."""
        return not self.failed and not self.held

    @property
    def exit_code(self) -> int:
        """The exit code of a command with this result."""
        return 1 if self.failed else HELD_EXIT_CODE if self.held else 0

    @property
    def problems(self) -> str:
        """Why retailers were not published, or are held."""
        held = (f"{load.retailer_id} is held: {load.held_reason}" for load in self.held)
        return "; ".join([*(load.error or "" for load in self.failed), *held])

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form, for XCom and `--json`: counts and money, never rows."""
        return {
            "business_date": self.business_date.isoformat(),
            "ok": self.ok,
            "retailers": {load.retailer_id: load.as_dict() for load in self.loads},
        }


def run(
    day: date,
    retailers: Sequence[str],
    *,
    settings: Settings,
    run_id: str,
    insert_only: bool = False,
    clock: Clock = lambda: datetime.now(UTC),
) -> TransformResult:
    """Load `day` of each retailer, and the other dates that its landing rewrote.

    Dates that fail a critical check are held, and the others are published. One transaction per retailer; a retailer
    that fails leaves the others published and is named in the result.
    """
    s3 = settings.s3
    raw, processed = Bucket(s3, s3.bucket_raw), Bucket(s3, s3.bucket_processed)
    dsn = settings.warehouse_dsn.get_secret_value()
    with record_stage(dsn, StageRun(run_id, "transform", day, tuple(retailers)), clock=clock) as stage:
        loads = run_in_parallel(
            lambda retailer_id: _load_retailer(
                _Load(retailer_id, day, settings, raw, processed, run_id, insert_only, clock)
            ),
            retailers,
            name="load",
        )
        result = TransformResult(day, loads)
        if any(load.load_id for load in loads):
            refresh_statistics(dsn)
        stage.flows += (flow for load in loads for flow in flows_of(load, settings))
        stage.finish(
            details=result.as_dict(),
            failed=[load.retailer_id for load in (*result.failed, *result.held)],
            of=len(loads),
            message=result.problems,
        )
    return result


def _load_retailer(load: _Load) -> RetailerLoad:
    bound = log.bind(run_id=load.run_id, retailer_id=load.retailer_id, business_date=str(load.day))
    try:
        result = _publish_what_is_landed(load)
    except RetailError as error:
        bound.error("not published", error=str(error))
        return failed_load(load.retailer_id, error)
    except Exception as error:  # noqa: BLE001 - a defect met by one retailer must not stop the others
        bound.exception("not published")
        return RetailerLoad(load.retailer_id, error=describe_error(error))
    for entry in result.entries:
        bound.info("published", load_id=result.load_id, **entry.as_dict())
    for held in result.held:
        bound.warning("held", held_date=str(held.business_date), failed=list(held.failed), known=held.is_known)
    return published_load(load.retailer_id, result, (load.day,))


def _publish_what_is_landed(load: _Load) -> LoadResult:
    for _ in range(_READINGS - 1):
        try:
            return _publish_once(load)
        except OutdatedRead:
            continue
    return _publish_once(load)


def _publish_once(load: _Load) -> LoadResult:
    retailer_id = load.retailer_id
    with scratch_directory() as name, columnar_workspace(Path(name)) as connection:
        other_dates = read_manifest(load.raw, retailer_id, load.day).other_dates
        days = sorted({load.day, *other_dates})
        landed = read_partitions(load.raw, retailer_id, days, Path(name), connection)
        read = [manifest.sha256 for manifest in landed.manifests().values()]
        options = LoadOptions(
            run_id=load.run_id,
            now=load.clock(),
            insert_only=load.insert_only,
            gate=quality_gate(),
            requested=(load.day,),
            is_current=lambda: [read_manifest(load.raw, retailer_id, day).sha256 for day in days] == read,
            prepare_processed=processed_writer(load.processed),
        )
        dsn = load.settings.warehouse_dsn.get_secret_value()
        return publish(dsn, ConformedBatch(landed, Path(name)), with_lineage(options, retailer_id, load.settings))


def _table(result: TransformResult) -> Table:
    table = Table(title=f"Transformed for {result.business_date}")
    counts = ("landed", "inserted", "updated", "unchanged", "duplicate", "withdrawn", "in_warehouse")
    for name in ("retailer", "date"):
        table.add_column(name, no_wrap=True)
    for name in (*counts[:-1], "stored", "net amount"):  # the complete table fits into 120 characters
        table.add_column(name, justify="right")
    for load in result.loads:
        for entry in load.entries:
            counted = entry.as_dict()
            amounts = sorted(entry.in_warehouse.amounts.items())
            money = "\n".join(f"{amount.net:,.2f} {code}" for code, amount in amounts)
            table.add_row(load.retailer_id, str(entry.business_date), *(f"{counted[name]:,}" for name in counts), money)
    return table


def _named(retailers: Sequence[str], settings: Settings) -> tuple[str, ...]:
    """The named retailers. Raises FixConfiguration for one that is neither defined nor landed, as files can be."""
    raw = Bucket(settings.s3, settings.s3.bucket_raw)
    settings.sources.check_known(
        each for each in retailers if each not in settings.sources.ids and not landed_days(raw, each)
    )
    return tuple(dict.fromkeys(retailers))


def main(
    day: DateArgument = None,
    retailer: RetailerOption = None,
    insert_only: Annotated[
        bool, typer.Option("--insert-only", help="Add new rows only; never change or remove what is there.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Transform a landed business date into the star schema (default: yesterday).

    A date that fails a critical check is held: it stays landed and is not published, and the command exits with 3.
    """
    transform_date(day, retailer, insert_only=insert_only, as_json=as_json)


def transform_date(
    day: str | None,
    retailer: list[str] | None,
    *,
    insert_only: bool,
    as_json: bool,
    before: Callable[[Settings], None] = lambda settings: None,
) -> None:
    """Do what the command does; `before` is called once its arguments are checked."""
    configure_logging()
    with exit_code():
        settings = load_settings()
        chosen = business_date(day, settings)
        retailers = _named(retailer, settings) if retailer else settings.sources.chosen(None, chosen)
        before(settings)
        result = transform_with_alerts(chosen, retailers, settings, insert_only=insert_only)
        if as_json:
            typer.echo(json.dumps(result.as_dict(), indent=2))
        else:
            console().print(_table(result))
        for load in result.failed:
            typer.echo(f"{load.retailer_id} was not published: {load.error}", err=True)
        for load in result.loads:
            if load.held:
                typer.echo(f"{load.retailer_id} is held: {load.held_reason}", err=True)
        raise typer.Exit(result.exit_code)


def transform_with_alerts(
    day: date, retailers: Sequence[str], settings: Settings, *, insert_only: bool
) -> TransformResult:
    """Run the stage, and raise or resolve the alerts of its retailers, as a run in Airflow does."""
    run_id, dsn = new_run_id("transform"), settings.warehouse_dsn.get_secret_value()
    origin, clock = command_origin("retail transform", run_id), _now
    with RunRecord(dsn, clock=clock) as record:
        with missing_alerts(dsn, day, retailers, origin, clock=clock) as missing:
            record.begin(UnfinishedRun(run_id, "transform", day, tuple(retailers)))
            with session(dsn, application_name="retail-transform") as connection, transaction(connection) as cursor:
                record_definitions(cursor, settings.sources, clock())  # the checks read currencies and zones there
            result = run(day, retailers, settings=settings, run_id=run_id, insert_only=insert_only)
            missing |= {each.retailer_id: each.error or "" for each in result.failed}
        record.is_finished = True
    return result


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    typer.run(main)
