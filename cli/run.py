"""`retail run`: the complete pipeline for one business date."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console

from monitoring.unfinished_runs import HOW_TO_FINISH
from pipeline.plan import choose
from pipeline.recorded_run import run_recorded
from pipeline.run import PipelineRun, describe_result
from pipeline.stages import STAGES, Stage
from shared.commands import (
    HELD_EXIT_CODE,
    DateArgument,
    JsonOption,
    RetailerOption,
    business_date,
    exit_code,
    new_run_id,
    print_json,
)
from shared.config import load_settings
from shared.logs import configure_logging


def run(
    day: DateArgument = None,
    retailer: RetailerOption = None,
    only_this_date: Annotated[
        bool,
        typer.Option("--only-this-date", help="Process this date only, without late changes and gaps of other dates."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the complete pipeline for one business date: plan, ingest, transform, quality, refresh.

    When a retailer fails, the others are still published; the command names it and exits with 1. A date that fails a
    critical check is held: it stays landed and is not published. If nothing else failed, the command exits with 3.
    When a critical check fails after the load, the views are not refreshed.
    """
    from pipeline.daily_files import load_files

    configure_logging()
    with exit_code():
        settings = load_settings()
        chosen = business_date(day, settings)
        choose(settings.sources, retailer, chosen)  # a mistake in the command starts no run
        result = PipelineRun(
            chosen,
            retailer or (),
            settings,
            new_run_id("run"),
            other_dates=not only_this_date,
            load_files=load_files,
        )
        console = Console(stderr=as_json, highlight=False, soft_wrap=True)
        console.print(f"[bold]{chosen}[/] · run {result.run_id}")
        is_left = run_recorded(result, around=lambda stage: _shown(stage, result, console))
        if as_json:
            print_json(result.as_dict())
        _explain(result)
        if is_left:
            typer.echo(f"The data is published. {HOW_TO_FINISH}", err=True)
        raise typer.Exit(0 if result.ok else HELD_EXIT_CODE if result.is_only_held else 1)


@contextmanager
def _shown(stage: Stage, result: PipelineRun, console: Console) -> Iterator[None]:
    began = time.monotonic()
    place = f"{STAGES.index(stage) + 1}/{len(STAGES)} {stage.name:<10}"
    mark = "[red]failed[/]"
    try:
        with console.status(f"{place} …"):
            yield
        mark = "[green]ok[/]    "
    finally:
        facts = result.stages.get(stage.name)
        described = f"{describe_result(stage.name, facts)}  " if facts else ""
        console.print(f"{place} {mark} {described}[dim]{time.monotonic() - began:.1f} s[/]")


def _explain(result: PipelineRun) -> None:
    missing = result.missing
    for name, reason in missing.items():
        typer.echo(f"{name} is missing: {reason}", err=True)
    for name, reason in result.held.items():
        typer.echo(f"{name} is held: {reason}", err=True)
    if result.error and (not missing or len(missing) < len(result.sources)):
        typer.echo(result.error, err=True)
