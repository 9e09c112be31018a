"""`retail run`: what happens to the run when a retailer, a check or a stage fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date

import pytest

from pipeline.outcomes import StageSummary
from pipeline.plan import Plan
from pipeline.run import PipelineRun, describe_result, run_stages
from pipeline.stages import PLAN, STAGES, Stage, StageCall, StageResult
from shared.config import Settings, load_settings
from shared.errors import RetryLater

DAY = date(2024, 1, 15)


@pytest.fixture
def settings() -> Settings:
    return load_settings(
        {"WAREHOUSE_DSN": "postgresql://u:p@h/d", "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}
    )


def part(name: str, error: str | None = None) -> StageSummary:
    counts = {"landed": 10, "rejected": 1, "inserted": 9, "updated": 1, "withdrawn": 0}
    dates = [] if error else [{"business_date": str(DAY), **counts}]
    status = "failed" if error else "done"
    return {"retailer_id": name, "status": status, "error": error, "dates": dates, "partitions": dates}


def of(*parts: StageSummary) -> StageSummary:
    return {"business_date": str(DAY), "retailers": {each["retailer_id"]: each for each in parts}}


def checked(outcome: str = "pass") -> StageSummary:
    checks = [] if outcome == "pass" else [{"status": "fail", "message": "money is missing."}]
    counts = {"pass": 20, "warn": 0, "fail": len(checks)}
    return {"business_date": str(DAY), "outcome": outcome, "score": 99.5, "counts": counts, "checks": checks}


REFRESHED: StageSummary = {"views": [{"view": "mv", "rows": 7}], "seconds": 0.1}


@dataclass(frozen=True)
class Result:
    facts: StageSummary

    def as_dict(self) -> StageSummary:
        return self.facts


BOTH = ("retailer_1", "retailer_2")


def run_with(
    settings: Settings, results: Mapping[str, StageSummary | Exception], chosen: Sequence[str] = BOTH
) -> tuple[PipelineRun, list[StageCall]]:
    """The run whose stages have these results, and what each of them after the choice was called with."""
    calls: list[StageCall] = []

    def faked(stage: Stage) -> Stage:
        def run(call: StageCall) -> StageResult:
            if stage is PLAN:
                return Plan(call.day, tuple(chosen))
            calls.append(call)
            found = results[stage.name]
            if isinstance(found, Exception):
                raise found
            return Result(found)

        return replace(stage, run=run)

    @contextmanager
    def around(stage: Stage) -> Iterator[None]:
        yield

    run = PipelineRun(DAY, (), settings, "run-1", other_dates=True)
    return run_stages(run, around=around, stages=[faked(stage) for stage in STAGES]), calls


def test_a_run_executes_all_stages_in_order(settings: Settings) -> None:
    both = of(part("retailer_1"), part("retailer_2"))
    result, calls = run_with(settings, {"ingest": both, "transform": both, "quality": checked(), "refresh": REFRESHED})
    assert (result.ok, result.missing, len(calls)) == (True, {}, 4)
    assert list(result.stages) == ["plan", "ingest", "transform", "quality", "refresh"]
    assert describe_result("plan", result.stages["plan"]) == "retailer_1, retailer_2"
    assert {(call.day, call.run_id, call.other_dates) for call in calls} == {(DAY, "run-1", True)}
    assert describe_result("ingest", both) == "2 retailers, 1 date: 20 landed, 2 rejected"
    assert describe_result("quality", checked()) == "score 99.5, 20 checks passed, 0 warn, 0 fail"
    assert describe_result("refresh", REFRESHED) == "1 view, 7 rows"


def test_when_a_retailer_fails_the_others_are_published_and_the_run_has_not_succeeded(settings: Settings) -> None:
    landed = of(part("retailer_1"), part("retailer_2", "it does not respond"))
    loaded = of(part("retailer_1"))
    result, calls = run_with(
        settings, {"ingest": landed, "transform": loaded, "quality": checked(), "refresh": REFRESHED}
    )
    assert list(result.stages)[-1] == "refresh"
    assert [list(call.retailers) for call in calls[:3]] == [
        ["retailer_1", "retailer_2"],
        ["retailer_1"],
        ["retailer_1"],
    ]
    assert (result.ok, result.error, result.missing) == (False, None, {"retailer_2": "it does not respond"})
    assert describe_result("ingest", landed) == "1 of 2 retailers, 1 date: 10 landed, 1 rejected"


def test_when_no_retailer_was_landed_no_other_stage_runs(settings: Settings) -> None:
    landed = of(part("retailer_1", "no response"), part("retailer_2", "no response either"))
    result, calls = run_with(settings, {"ingest": landed})
    assert (len(calls), list(result.stages)) == (1, ["plan", "ingest"])
    assert result.error == "no response; no response either"


def test_a_failed_critical_check_keeps_the_views_unchanged(settings: Settings) -> None:
    both = of(part("retailer_1"), part("retailer_2"))
    result, calls = run_with(settings, {"ingest": both, "transform": both, "quality": checked("fail")})
    assert (len(calls), list(result.stages)) == (3, ["plan", "ingest", "transform", "quality"])
    assert not result.ok
    assert "money is missing." in (result.error or "")


def test_a_stage_that_cannot_start_is_reported_once_and_no_retailer_is_named(settings: Settings) -> None:
    result, calls = run_with(settings, {"ingest": RetryLater("PostgreSQL is not running.")})
    assert (len(calls), list(result.stages)) == (1, ["plan"])
    assert (result.ok, result.error, result.missing) == (False, "PostgreSQL is not running.", {})


def test_when_no_source_is_due_the_run_succeeds_without_the_other_stages(settings: Settings) -> None:
    result, calls = run_with(settings, {}, chosen=())
    assert (result.ok, calls, list(result.stages)) == (True, [], ["plan"])
    assert describe_result("plan", result.stages["plan"]) == "no source is due on 2024-01-15"
