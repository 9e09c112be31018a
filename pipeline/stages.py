"""The stages of the pipeline, in their order: the one place where it is written.

`retail run`, the DAG and loads of files call the stages through these declarations. A stage's own package is imported
when the stage runs, so that reading this module costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from shared.config import Settings

if TYPE_CHECKING:
    from ingestion.results import RetailerResult


def utc_now() -> datetime:
    """The present time."""
    return datetime.now(UTC)


class StageResult(Protocol):
    """What every stage returns."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-able counts, scores and dates."""


@dataclass(frozen=True)
class StageCall:
    """What a stage is called with."""

    day: date
    """The business date."""
    settings: Settings
    run_id: str
    retailers: Sequence[str] = ()
    """Those that the stage is run for."""
    named: Sequence[str] = ()
    """Those that the run was started for; empty: all that are due."""
    other_dates: bool = False
    """Whether late changes and gaps of other dates are landed too."""
    clock: Callable[[], datetime] = utc_now
    load_files: Callable[[StageCall, str], RetailerResult] | None = None
    """How files that are dropped for a retailer are loaded. It is an argument because loads of files use the stages."""


@dataclass(frozen=True)
class Stage:
    """One stage: its name in `ops.pipeline_runs`, its task in Airflow, and how it is run."""

    name: str
    task_id: str
    run: Callable[[StageCall], StageResult]
    retailers_from: str | None = None
    """The stage whose result says which retailers this one is run for; None: those that the run was started for."""


def _plan(call: StageCall) -> StageResult:
    from pipeline.plan import run

    return run(call.day, call.retailers, settings=call.settings, run_id=call.run_id, clock=call.clock)


def _ingest(call: StageCall) -> StageResult:
    from ingestion.main import run

    return run(
        call.day,
        call.retailers,
        settings=call.settings,
        run_id=call.run_id,
        since_watermark=call.other_dates,
        clock=call.clock,
        load_files=call.load_files and partial(call.load_files, call),
    )


def _transform(call: StageCall) -> StageResult:
    from transformation.main import run

    return run(call.day, call.retailers, settings=call.settings, run_id=call.run_id, clock=call.clock)


def _quality(call: StageCall) -> StageResult:
    from data_quality.main import run

    return run(
        call.day,
        retailers=call.retailers,
        named=call.named,
        settings=call.settings,
        run_id=call.run_id,
        clock=call.clock,
    )


def _refresh(call: StageCall) -> StageResult:
    from materialized_views.refresh_views import run

    return run(day=call.day, settings=call.settings, run_id=call.run_id, clock=call.clock)


PLAN = Stage("plan", "choose_sources", _plan)
INGEST = Stage("ingest", "ingest_retailers_to_s3", _ingest, retailers_from="plan")
TRANSFORM = Stage("transform", "transform_s3_to_postgres", _transform, retailers_from="ingest")
QUALITY = Stage("quality", "data_quality_check", _quality, retailers_from="transform")
REFRESH = Stage("refresh", "refresh_materialized_views", _refresh)
STAGES = (PLAN, INGEST, TRANSFORM, QUALITY, REFRESH)
