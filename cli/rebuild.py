"""`retail rebuild`: load landed dates again from the raw zone, one retailer in each transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from cli.ledger import AnyRetailerOption
from shared.commands import HELD_EXIT_CODE, JsonOption, business_date, exit_code, new_run_id, print_json
from shared.config import Settings, load_settings
from shared.counts import counted
from shared.errors import FixConfiguration, RetailError
from shared.logs import configure_logging
from shared.partitions import MANIFEST_NAME, read_key
from shared.terminal_text import escape

if TYPE_CHECKING:
    from monitoring.lineage.flows import Flow
    from transformation.loads import RetailerLoad

Progress = Callable[[str, float], None]


def rebuild(
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First business date. Default: all.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last business date. Default: all.")] = None,
    retailer: AnyRetailerOption = None,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Also write dates again whose raw data has not changed since they were loaded: facts, summaries and"
            " Parquet that were changed manually.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Load landed dates again from the raw zone.

    Restores an emptied warehouse; a complete one does not change. Complete months are built together. Each retailer is
    loaded in one transaction; when one fails, the others are still loaded, and the command exits with 1. A date that
    fails a critical check is held, unless it was approved; then the command exits with 3.
    """
    from pipeline.finish_runs import finish_killed_runs

    configure_logging()
    with exit_code():
        settings = load_settings()
        chosen = [business_date(text, settings) if text else None for text in (first, last)]
        landed = landed_dates(settings, retailer, chosen[0], chosen[1])
        if not landed:
            raise FixConfiguration("The raw zone has no landed date that matches. To see the loaded ones: retail loads")
        finish_killed_runs(settings)
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        loads = rebuild_all(landed, settings, new_run_id("rebuild"), console, repair=repair)
        if as_json:
            print_json({"ok": not any(load.error or load.held for load in loads), "retailers": _facts(loads)})
        failed, held = any(load.error for load in loads), any(load.held for load in loads)
        raise typer.Exit(1 if failed else HELD_EXIT_CODE if held else 0)


def landed_dates(
    settings: Settings, retailer: str | None, first: date | None, last: date | None
) -> dict[str, list[date]]:
    """The dates of each retailer that have a manifest in the raw zone, between `first` and `last`."""
    from shared.s3_client import Bucket

    prefix = f"raw/{retailer}/" if retailer else "raw/"
    found = dates_of(Bucket(settings.s3, settings.s3.bucket_raw).list(prefix))
    wanted = {
        name: [day for day in days if (first or day) <= day <= (last or day)] for name, days in sorted(found.items())
    }
    return {name: days for name, days in wanted.items() if days}


def dates_of(keys: Iterable[str]) -> dict[str, list[date]]:
    """The landed dates among the keys of the raw bucket, sorted, by retailer."""
    found: dict[str, list[date]] = {}
    for key in keys:
        if (parts := read_key(key)) and (parts.zone, parts.name) == ("raw", MANIFEST_NAME):
            found.setdefault(parts.retailer_id, []).append(parts.business_date)
    return {name: sorted(days) for name, days in found.items()}


def rebuild_all(
    landed: Mapping[str, Sequence[date]], settings: Settings, run_id: str, console: Console, *, repair: bool = False
) -> list[RetailerLoad]:
    """Load the retailers one after the other, as one run; errors of loads are in the results.

    With `repair`, unchanged dates are written again, too.
    Raises RetailError when the run itself cannot be recorded.
    """
    from monitoring.stage_runs import StageRun, record_stage
    from monitoring.unfinished_runs import RunRecord, UnfinishedRun

    dsn, retailers, day = settings.warehouse_dsn.get_secret_value(), tuple(landed), max(map(max, landed.values()))
    with RunRecord(dsn, clock=_now) as record:
        record.begin(UnfinishedRun(run_id, "rebuild", day, retailers))
        with record_stage(dsn, StageRun(run_id, "transform", day, retailers), clock=_now) as stage:
            loads = _rebuild_each(landed, settings, run_id, console, stage.flows, repair)
            failed = {load.retailer_id: load.error for load in loads if load.error}
            stage.finish(
                details={"retailers": _facts(loads)},
                failed=list(failed),
                of=len(loads),
                message="; ".join(failed.values()),
            )
        record.is_finished = True
    return loads


def _rebuild_each(
    landed: Mapping[str, Sequence[date]],
    settings: Settings,
    run_id: str,
    console: Console,
    flows: list[Flow],
    repair: bool,
) -> list[RetailerLoad]:
    """Load each retailer, and add to `flows` what was read and written."""
    from transformation.bulk import rebuild as rebuild_retailer
    from transformation.lineage import flows_of
    from transformation.load.plan import LoadPath
    from transformation.loads import failed_load

    loads = []
    for name, days in landed.items():
        label = f"{escape(name)}: {counted(len(days), 'date')}, {days[0]} to {days[-1]}"
        try:
            with console.status(label) as status:
                load = rebuild_retailer(
                    name,
                    days[0],
                    days[-1],
                    settings=settings,
                    run_id=run_id,
                    clock=_now,
                    path=LoadPath.BUILD if repair else LoadPath.AUTO,
                    progress=_shown_in(status, label),
                )
            flows += flows_of(load, settings)
            done = f"load {load.load_id}" if load.load_id else "nothing to load"
            console.print(f"{label} [green]ok[/] {done}")
            if load.held:
                console.print(f"{escape(name)} is [yellow]held[/]: {escape(load.held_reason or '')}")
        except RetailError as error:
            load = failed_load(name, error)
            console.print(f"{label} [red]failed[/] {escape(str(error))}")
        loads.append(load)
    return loads


def _shown_in(status: Any, label: str) -> Progress:
    return lambda step, share: status.update(f"{label}: {escape(step)}, {share:.0%}")


def _now() -> datetime:
    return datetime.now(UTC)


def _facts(loads: Sequence[RetailerLoad]) -> dict[str, Any]:
    """Counts per retailer, without a line for each of its dates."""
    facts = {}
    for load in loads:
        label = load.as_dict()
        partitions = label.pop("partitions")
        names = ("landed", "inserted", "updated", "unchanged", "duplicate", "withdrawn", "in_warehouse")
        label |= {name: sum(int(each[name]) for each in partitions) for name in names}
        facts[load.retailer_id] = {**label, "dates": len(partitions)}
    return facts
