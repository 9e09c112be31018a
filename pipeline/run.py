"""`retail run`: the stages of one pipeline_run after each other, with the meaning they have in the DAG.

A retailer that fails leaves the others to be published and the run not green; a critical check that fails keeps the
views as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pipeline.outcomes import StageSummary, decide_outcome, loaded_retailers, missing_retailers
from shared.config import Settings
from shared.errors import RetailError


@dataclass
class PipelineRun:
    """One run: what it is for, and what each stage came to."""

    day: date
    retailers: Sequence[str]
    settings: Settings
    run_id: str
    other_dates: bool
    """Whether late changes and gaps of other dates are landed too."""
    stages: dict[str, StageSummary] = field(default_factory=dict)
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

    def as_dict(self) -> StageSummary:
        """JSON-able form."""
        return {
            "run_id": self.run_id,
            "business_date": self.day.isoformat(),
            "ok": self.ok,
            "error": self.error,
            "missing": self.missing,
            "stages": self.stages,
        }


def _ingest(pipeline_run: PipelineRun) -> StageSummary:
    from ingestion.main import run

    return run(
        pipeline_run.day, pipeline_run.retailers, since_watermark=pipeline_run.other_dates, **pipeline_run.common
    ).as_dict()


def _transform(pipeline_run: PipelineRun) -> StageSummary:
    from transformation.main import run

    return run(pipeline_run.day, loaded_retailers([pipeline_run.stages["ingest"]]), **pipeline_run.common).as_dict()


def _quality(pipeline_run: PipelineRun) -> StageSummary:
    from data_quality.main import run

    return run(
        pipeline_run.day, retailers=loaded_retailers([pipeline_run.stages["transform"]]), **pipeline_run.common
    ).as_dict()


def _refresh(pipeline_run: PipelineRun) -> StageSummary:
    from materialized_views.refresh_views import run

    return run(day=pipeline_run.day, **pipeline_run.common).as_dict()


STAGES: Mapping[str, Callable[[PipelineRun], StageSummary]] = {
    "ingest": _ingest,
    "transform": _transform,
    "quality": _quality,
    "refresh": _refresh,
}


def run_stages(pipeline_run: PipelineRun, *, around: Callable[[str], Any]) -> PipelineRun:
    """Run the stages in order until one fails; `around(stage)` is a context manager that shows the progress."""
    for stage, call in STAGES.items():
        try:
            with around(stage):
                pipeline_run.stages[stage] = call(pipeline_run)
                decide_outcome(pipeline_run.stages[stage], tries_left=False)
        except RetailError as error:
            pipeline_run.error = str(error)
            break
    return pipeline_run


def summary(stage: str, facts: StageSummary) -> str:
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
