from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import pytest

from pipeline.outcomes import (
    decide_outcome,
    held_parts,
    loaded_retailers,
    missing_retailers,
    published_retailers,
)
from shared.business_dates import business_date
from shared.errors import RetryLater, StopRun


class RunType(StrEnum):
    """Airflow's run type is an enumeration of strings, too."""

    MANUAL = "manual"
    SCHEDULED = "scheduled"
    BACKFILL = "backfill"


@dataclass
class Run:
    """What a task knows about its run."""

    run_type: RunType
    run_after: datetime
    logical_date: datetime | None = None
    data_interval_start: datetime | None = None
    data_interval_end: datetime | None = None


def at(day: int, hour: int = 2) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


SCHEDULED = Run(RunType.SCHEDULED, at(20), at(19), at(19), at(20))


@pytest.mark.parametrize(
    ("run", "timezone", "expected"),
    [
        pytest.param(SCHEDULED, "UTC", 19, id="scheduled at 02:00 on the 20th"),
        pytest.param(
            Run(RunType.BACKFILL, at(8), at(7), at(7), at(8)), "UTC", 7, id="the 7th picked in the backfill form"
        ),
        pytest.param(Run(RunType.MANUAL, at(20, 9)), "UTC", 19, id="by REST without a logical date"),
        pytest.param(
            Run(RunType.MANUAL, at(20, 9), at(20, 9), at(19), at(20)), "UTC", 19, id="triggered in the web interface"
        ),
        pytest.param(Run(RunType.MANUAL, at(20, 1)), "America/New_York", 18, id="still the 19th in New York"),
        pytest.param(
            Run(RunType.SCHEDULED, at(20, 7), at(19, 7), at(19, 7), at(20, 7)),
            "America/New_York",
            19,
            id="scheduled at 02:00 New York time",
        ),
    ],
)
def test_the_business_date_of_each_kind_of_run(run: Run, timezone: str, expected: int) -> None:
    assert business_date(run, None, timezone) == date(2026, 11, expected)


def test_a_chosen_date_wins() -> None:
    assert business_date(SCHEDULED, "2024-01-15", "UTC") == date(2024, 1, 15)


def outcome(**statuses: str | None) -> dict[str, Any]:
    return {
        "retailers": {
            name: {
                "retailer_id": name,
                "status": "failed" if kind else "published",
                "error": f"{name} says no" if kind else None,
                "error_kind": kind,
            }
            for name, kind in statuses.items()
        }
    }


def test_a_stage_without_failures_has_succeeded() -> None:
    facts = outcome(retailer_1=None, retailer_2=None)

    assert decide_outcome(facts, tries_left=True) == facts


def test_a_retailer_that_may_still_succeed_is_tried_again() -> None:
    with pytest.raises(RetryLater, match="retailer_2 says no"):
        decide_outcome(outcome(retailer_1=None, retailer_2="RetryLater"), tries_left=True)


@pytest.mark.parametrize("kind", ["RetryLater", "StopRun", "FixConfiguration"])
def test_after_the_last_try_what_was_published_counts(kind: str) -> None:
    facts = outcome(retailer_1=None, retailer_2=kind)

    assert decide_outcome(facts, tries_left=False) == facts


@pytest.mark.parametrize("kind", ["StopRun", "FixConfiguration"])
def test_what_cannot_get_better_is_not_waited_for(kind: str) -> None:
    facts = outcome(retailer_1=None, retailer_2=kind)

    assert decide_outcome(facts, tries_left=True) == facts


def test_a_stage_that_published_nothing_has_failed() -> None:
    with pytest.raises(StopRun, match="retailer_1 says no; retailer_2 says no"):
        decide_outcome(outcome(retailer_1="StopRun", retailer_2="FixConfiguration"), tries_left=True)


def test_a_failed_critical_check_stops_the_run_with_the_finding() -> None:
    facts = {
        "outcome": "fail",
        "business_date": "2024-01-15",
        "checks": [{"status": "pass", "message": "fine"}, {"status": "fail", "message": "7 totals do not add up."}],
    }

    with pytest.raises(
        StopRun, match=r"^7 totals do not add up\. For the table: python -m data_quality\.main 2024-01-15"
    ):
        decide_outcome(facts, tries_left=True)


def test_warnings_do_not_stop_the_run() -> None:
    facts: dict[str, Any] = {"outcome": "warn", "checks": []}

    assert decide_outcome(facts, tries_left=False) == facts


def test_the_next_stage_gets_the_retailers_that_were_done() -> None:
    landed = [outcome(retailer_1=None), outcome(retailer_3=None)]

    assert loaded_retailers(landed) == ["retailer_1", "retailer_3"]
    assert loaded_retailers([outcome(retailer_1=None, retailer_2="StopRun")]) == ["retailer_1"]


def test_without_any_landed_retailer_there_is_nothing_to_load() -> None:
    with pytest.raises(StopRun, match="no retailer was landed"):
        loaded_retailers([])


def test_missing_retailers_are_named_with_the_reason() -> None:
    errors = {"retailer_1": None, "retailer_2": "rejected our key", "retailer_3": None}

    missing = missing_retailers(errors, outcome(retailer_1=None, retailer_3="StopRun"))

    assert missing == {"retailer_2": "rejected our key", "retailer_3": "retailer_3 says no"}


def test_all_retailers_are_missing_when_nothing_was_loaded() -> None:
    missing = missing_retailers({"retailer_1": None}, None)

    assert missing == {"retailer_1": "it was not loaded; see the log of transform_s3_to_postgres"}


def held(*dates: str) -> dict[str, Any]:
    """The part of a retailer of which the requested date is held and these other dates are published."""
    partitions = [{"business_date": each} for each in dates]
    reason = "landed and not published: 2026-11-19 fails rows_match_report (retail held show 3)"
    return {
        "retailer_id": "retailer_9",
        "status": "held",
        "partitions": partitions,
        "error": None,
        "held_reason": reason,
    }


def test_a_held_date_does_not_fail_the_stage_and_is_not_missing() -> None:
    facts = {"retailers": {"retailer_9": held()}}
    assert decide_outcome(facts, tries_left=True) == facts
    assert missing_retailers({"retailer_9": None}, facts) == {}
    assert list(held_parts(facts)) == ["retailer_9"]


def test_only_what_is_published_is_checked_and_refreshed() -> None:
    assert published_retailers({"retailers": {"retailer_9": held()}}) == []
    facts = outcome(retailer_1=None, retailer_2="StopRun")
    facts["retailers"]["retailer_9"] = held("2026-11-18")
    assert published_retailers(facts) == ["retailer_1", "retailer_9"]
