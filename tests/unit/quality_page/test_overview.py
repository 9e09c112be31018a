"""The texts of the overview's cards do not contradict each other."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from retail_quality.model import Day, Overview
from retail_quality.pages import Addresses, overview

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
DAY = Day(date(2024, 1, 15), "pass", 100.0, "run", NOON, "run", NOON, 0, 0, 0, None, {})


def shown(day: Day) -> str:
    page = overview(Addresses("/retail", ""), Overview((day,)), 14)
    return " ".join(re.sub("<[^>]+>", " ", page).split())


@pytest.mark.parametrize(
    ("day", "text"),
    [
        (DAY, "Outcome ✓ Passed all checks of this date passed Overall score"),
        (replace(DAY, outcome="fail", failed=1), "Outcome ✕ Failed 1 check failed Overall score"),
        (
            replace(DAY, outcome="fail", failed=2, warned=1),
            "Outcome ✕ Failed 2 checks failed, 1 check with a warning Overall score",
        ),
        (
            replace(DAY, outcome=None, score=None, run_id=None, checked_by=None, checked_at=None),
            "not checked yet Outcome Not checked run the pipeline to check it Overall score",
        ),
    ],
)
def test_the_outcome_is_explained(day: Day, text: str) -> None:
    assert text in shown(day)


def test_without_alerts_there_is_nothing_to_do() -> None:
    assert "Open alerts 0 nothing to do" in shown(DAY)


@pytest.mark.parametrize("day", [replace(DAY, outcome="fail", failed=1), replace(DAY, missing=("retailer_3",))])
def test_a_date_that_failed_or_is_incomplete_is_something_to_do(day: Day) -> None:
    assert "Open alerts 0 1 date failed or incomplete" in shown(day)
