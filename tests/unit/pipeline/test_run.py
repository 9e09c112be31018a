"""`retail run`: what happens to the night when a retailer, a check or a whole stage fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

import pipeline.run
from pipeline.run import PipelineRun, run_stages, summary
from shared.config import Settings, load_settings
from shared.errors import RetryLater

DAY = date(2024, 1, 15)
StageSummary = dict[str, Any]


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


def night(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, stages: Mapping[str, StageSummary | Exception]
) -> tuple[PipelineRun, list[str]]:
    """The night whose stages come to these facts, and which of them were shown as they ran."""
    shown: list[str] = []

    def call(name: str) -> Callable[[PipelineRun], StageSummary]:
        def stage(_: PipelineRun) -> StageSummary:
            found = stages[name]
            if isinstance(found, Exception):
                raise found
            return found

        return stage

    @contextmanager
    def around(stage: str) -> Iterator[None]:
        shown.append(stage)
        yield

    monkeypatch.setattr(pipeline.run, "STAGES", {name: call(name) for name in pipeline.run.STAGES})
    result = PipelineRun(DAY, ("retailer_1", "retailer_2"), settings, "run-1", other_dates=True)
    return run_stages(result, around=around), shown


def test_a_good_night_runs_all_stages(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    both = of(part("retailer_1"), part("retailer_2"))
    result, shown = night(
        settings, monkeypatch, {"ingest": both, "transform": both, "quality": checked(), "refresh": REFRESHED}
    )
    assert (result.ok, result.missing, shown) == (True, {}, ["ingest", "transform", "quality", "refresh"])
    assert summary("ingest", both) == "2 retailers, 1 date: 20 landed, 2 rejected"
    assert summary("quality", checked()) == "score 99.5, 20 checks passed, 0 warn, 0 fail"
    assert summary("refresh", REFRESHED) == "1 views, 7 rows"


def test_a_retailer_that_fails_leaves_the_others_published_and_the_night_not_green(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed = of(part("retailer_1"), part("retailer_2", "it does not answer"))
    loaded = of(part("retailer_1"))
    result, shown = night(
        settings, monkeypatch, {"ingest": landed, "transform": loaded, "quality": checked(), "refresh": REFRESHED}
    )
    assert shown[-1] == "refresh"
    assert (result.ok, result.error, result.missing) == (False, None, {"retailer_2": "it does not answer"})
    assert summary("ingest", landed) == "1 of 2 retailers, 1 date: 10 landed, 1 rejected"


def test_when_no_retailer_was_landed_nothing_else_runs(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    landed = of(part("retailer_1", "no answer"), part("retailer_2", "no answer either"))
    result, shown = night(settings, monkeypatch, {"ingest": landed})
    assert shown == ["ingest"]
    assert result.error == "no answer; no answer either"


def test_a_critical_check_that_fails_keeps_the_views_as_they_were(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = of(part("retailer_1"), part("retailer_2"))
    result, shown = night(settings, monkeypatch, {"ingest": both, "transform": both, "quality": checked("fail")})
    assert shown == ["ingest", "transform", "quality"]
    assert not result.ok
    assert "money is missing." in (result.error or "")


def test_a_stage_that_cannot_start_is_told_once_and_misses_no_retailer_by_name(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, shown = night(settings, monkeypatch, {"ingest": RetryLater("No PostgreSQL server responds.")})
    assert (shown, result.ok, result.error, result.missing) == (["ingest"], False, "No PostgreSQL server responds.", {})
