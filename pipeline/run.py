"""The stages of one run, executed in order with the same rules as in the DAG.

When a retailer fails, or a date of it is held, the others are still published, and the run has not succeeded. When a
critical check fails, the views keep their previous content.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from pipeline.outcomes import (
    StageSummary,
    decide_outcome,
    held_parts,
    loaded_retailers,
    missing_retailers,
    published_retailers,
)
from pipeline.stages import INGEST, PLAN, QUALITY, REFRESH, STAGES, TRANSFORM, Stage, StageCall
from shared.config import Settings
from shared.counts import counted
from shared.errors import RetailError

if TYPE_CHECKING:
    from ingestion.results import RetailerResult


@dataclass
class PipelineRun:
    """One run: what it was started for, and the result of each stage so far."""

    day: date
    retailers: Sequence[str]
    """The named ones; empty for those that are due."""
    settings: Settings
    run_id: str
    other_dates: bool
    """Whether late changes and gaps of other dates are landed too."""
    load_files: Callable[[StageCall, str], RetailerResult] | None = None
    """As in `StageCall`."""
    stages: dict[str, StageSummary] = field(default_factory=dict)
    error: str | None = None
    failed_stage: str | None = None
    """The stage that `error` comes from."""

    @property
    def sources(self) -> Sequence[str]:
        """The sources that were chosen; empty before that, and when none is due."""
        sources: Sequence[str] = self.stages.get(PLAN.name, {}).get("sources", ())
        return sources

    @property
    def missing(self) -> dict[str, str]:
        """Retailers whose date is not published, and why."""
        if INGEST.name not in self.stages:
            return {}
        landed = self.stages[INGEST.name]["retailers"]
        errors = {name: landed[name]["error"] for name in self.sources}
        return missing_retailers(errors, self.stages.get(TRANSFORM.name))

    @property
    def held(self) -> dict[str, str]:
        """Retailers of which a date is landed and not published, because it fails a critical check, and why."""
        return {name: part["held_reason"] for name, part in held_parts(self.stages.get(TRANSFORM.name)).items()}

    @property
    def ok(self) -> bool:
        """Whether every stage ran, no retailer is missing, and no date is held."""
        return self.error is None and not self.missing and not self.held

    @property
    def is_only_held(self) -> bool:
        """Whether everything else was done."""
        return bool(self.held) and self.error is None and not self.missing

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do after a publication: a failed check keeps the views from being refreshed."""
        return self.error is None or (self.failed_stage == QUALITY.name and QUALITY.name in self.stages)

    def call_for(self, stage: Stage) -> StageCall:
        """What a stage is called with. Raises StopRun when the stage before it processed no retailer."""
        before = stage.retailers_from
        if before is None:
            retailers = self.retailers
        else:
            retailers = self.sources if before == PLAN.name else loaded_retailers([self.stages[before]])
        return StageCall(
            self.day,
            self.settings,
            self.run_id,
            retailers,
            named=self.retailers,
            other_dates=self.other_dates,
            load_files=self.load_files,
        )

    def as_dict(self) -> StageSummary:
        """JSON-able form."""
        return {
            "run_id": self.run_id,
            "business_date": self.day.isoformat(),
            "ok": self.ok,
            "error": self.error,
            "missing": self.missing,
            "held": self.held,
            "stages": self.stages,
        }


def run_stages(
    run: PipelineRun,
    *,
    around: Callable[[Stage], AbstractContextManager[None]],
    stages: Sequence[Stage] = STAGES,
) -> PipelineRun:
    """Run the stages in order until one fails, no source is due, or all that was landed is held.

    `around(stage)` shows a stage's progress.
    """
    for stage in stages:
        try:
            with around(stage):
                run.stages[stage.name] = stage.run(run.call_for(stage)).as_dict()
                decide_outcome(run.stages[stage.name], tries_left=False)
        except RetailError as error:
            run.error, run.failed_stage = str(error), stage.name
            break
        if not run.sources or (stage is TRANSFORM and not published_retailers(run.stages[stage.name])):
            break
    return run


def describe_result(stage: str, result: StageSummary) -> str:
    """The result of a stage in one line."""
    if stage == PLAN.name:
        return ", ".join(result["sources"]) or f"no source is due on {result['business_date']}"
    if stage == QUALITY.name:
        counts = result["counts"]
        return (
            f"score {result['score']:.1f}, {counted(counts['pass'], 'check')} passed, {counts['warn']} warn,"
            f" {counts['fail']} fail"
        ) + (f", {counts['not_checked']} not checked" if counts.get("not_checked") else "")
    if stage == REFRESH.name:
        rows = sum(view["rows"] for view in result["views"])
        return f"{counted(len(result['views']), 'view')}, {counted(rows, 'row')}"
    per_retailer = result["retailers"].values()
    succeeded = [part for part in per_retailer if part["status"] != "failed"]
    landing = stage == INGEST.name
    shown = ("landed", "rejected") if landing else ("inserted", "updated", "withdrawn")
    dates = [each for part in succeeded for each in part["dates" if landing else "partitions"]]
    counts = ", ".join(f"{sum(each[name] for each in dates):,} {name}" for name in shown)
    days = len({each["business_date"] for each in dates})
    total = len(per_retailer)
    held = sum(len(part.get("held", ())) for part in per_retailer)
    share = (
        f"{len(succeeded)} of {counted(total, 'retailer')}" if len(succeeded) < total else counted(total, "retailer")
    )
    return f"{share}, {counted(days, 'date')}: {counts}" + (f"; {counted(held, 'date')} held" if held else "")
