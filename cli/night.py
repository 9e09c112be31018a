"""`retail run`: the stages of one night after each other, with the meaning they have in the DAG.

A retailer that fails leaves the others to be published and the run not green; a critical check that fails keeps the
views as they were.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any

import typer
from rich.console import Console

from shared.airflow_tasks import Facts, missing_retailers, settle
from shared.airflow_tasks import retailers as done_for
from shared.commands import (
    DateArgument,
    JsonOption,
    RetailerOption,
    business_date,
    chosen_retailers,
    exit_code,
    new_run_id,
    print_json,
)
from shared.config import Settings, load_settings
from shared.errors import RetailError
from shared.logs import configure_logging


@dataclass
class Night:
    """One run: what it is for, and what each stage came to."""

    day: date
    retailers: Sequence[str]
    settings: Settings
    run_id: str
    other_dates: bool
    """Whether late changes and gaps of other dates are landed too."""
    stages: dict[str, Facts] = field(default_factory=dict)
    error: str | None = None

    @property
    def common(self) -> dict[str, Any]:
        """What every stage is called with."""
        return {"settings": self.settings, "run_id": self.run_id}

    @property
    def missing(self) -> dict[str, str]:
        """Retailers whose date is not published, and why."""
        if "ingest" not in self.stages:
            return {}
        landed = self.stages["ingest"]["retailers"]
        return missing_retailers({name: landed[name]["error"] for name in self.retailers}, self.stages.get("transform"))

    @property
    def ok(self) -> bool:
        """Whether every stage ran and no retailer is missing."""
        return self.error is None and not self.missing

    def as_dict(self) -> Facts:
        """JSON-able form."""
        return {
            "run_id": self.run_id,
            "business_date": self.day.isoformat(),
            "ok": self.ok,
            "error": self.error,
            "missing": self.missing,
            "stages": self.stages,
        }


def _ingest(night: Night) -> Facts:
    from ingestion.main import run

    return run(night.day, night.retailers, since_watermark=night.other_dates, **night.common).as_dict()


def _transform(night: Night) -> Facts:
    from transformation.main import run

    return run(night.day, done_for([night.stages["ingest"]]), **night.common).as_dict()


def _quality(night: Night) -> Facts:
    from data_quality.main import run

    return run(night.day, retailers=done_for([night.stages["transform"]]), **night.common).as_dict()


def _refresh(night: Night) -> Facts:
    from materialized_views.refresh_views import run

    return run(day=night.day, **night.common).as_dict()


STAGES: Mapping[str, Callable[[Night], Facts]] = {
    "ingest": _ingest,
    "transform": _transform,
    "quality": _quality,
    "refresh": _refresh,
}


def run_night(night: Night, *, around: Callable[[str], Any]) -> Night:
    """Run the stages in order until one fails; `around(stage)` is a context manager that shows the progress."""
    for stage, call in STAGES.items():
        try:
            with around(stage):
                night.stages[stage] = call(night)
                settle(night.stages[stage], tries_left=False)
        except RetailError as error:
            night.error = str(error)
            break
    return night


def summary(stage: str, facts: Facts) -> str:
    """What a stage came to, in one line."""
    if stage == "quality":
        counts = facts["counts"]
        return (
            f"score {facts['score']:.1f}, {counts['pass']} checks passed, {counts['warn']} warn, {counts['fail']} fail"
        )
    if stage == "refresh":
        return f"{len(facts['views'])} views, {sum(view['rows'] for view in facts['views']):,} rows"
    parts = facts["retailers"].values()
    well = [part for part in parts if part["status"] != "failed"]
    if stage == "ingest":
        dates = [landed for part in well for landed in part["dates"]]
        told = [f"{sum(each[name] for each in dates):,} {name}" for name in ("landed", "rejected")]
    else:
        dates = [partition for part in well for partition in part["partitions"]]
        told = [f"{sum(each[name] for each in dates):,} {name}" for name in ("inserted", "updated", "withdrawn")]
    days = len({each["business_date"] for each in dates})
    share = f"{len(well)} of {len(parts)} retailers" if len(well) < len(parts) else f"{len(parts)} retailers"
    return f"{share}, {days} date{'s' * (days != 1)}: {', '.join(told)}"


def night(
    day: DateArgument = None,
    retailer: RetailerOption = None,
    only_this_date: Annotated[
        bool,
        typer.Option("--only-this-date", help="Leave late changes and gaps of other dates alone, as a backfill does."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a whole night: ingest, transform, quality, refresh.

    A retailer that fails leaves the others to be published; the run then ends with 1 and names it. When a critical
    check fails, the views are not refreshed.
    """
    configure_logging("WARNING")
    with exit_code():
        retailers = chosen_retailers(retailer)
        settings = load_settings(needs=retailers)
        chosen = business_date(day, settings)
        result = Night(chosen, retailers, settings, new_run_id("run"), other_dates=not only_this_date)
        console = Console(stderr=as_json, highlight=False, soft_wrap=True)
        console.print(f"[bold]{chosen}[/] · {', '.join(retailers)} · run {result.run_id}")
        run_night(result, around=lambda stage: _shown(stage, result, console))
        if as_json:
            print_json(result.as_dict())
        _explain(result)
        raise typer.Exit(0 if result.ok else 1)


@contextmanager
def _shown(stage: str, result: Night, console: Console) -> Iterator[None]:
    began = time.monotonic()
    place = f"{list(STAGES).index(stage) + 1}/{len(STAGES)} {stage:<10}"
    mark = "[red]failed[/]"
    try:
        with console.status(f"{place} …"):
            yield
        mark = "[green]ok[/]    "
    finally:
        told = summary(stage, result.stages[stage]) if stage in result.stages else ""
        console.print(f"{place} {mark} {told}{'  ' if told else ''}[dim]{time.monotonic() - began:.1f} s[/]")


def _explain(result: Night) -> None:
    missing = result.missing
    for name, reason in missing.items():
        typer.echo(f"{name} is missing: {reason}", err=True)
    if result.error and len(missing) < len(result.retailers):
        typer.echo(result.error, err=True)
