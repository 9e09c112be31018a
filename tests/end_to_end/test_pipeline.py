"""The real DAG on the real scheduler: a failing retailer is named, the others published, the next run catches up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from tests.end_to_end.checkout import Checkout
from tests.end_to_end.running_platform import RunningPlatform, started

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(900)]
LOADED = "SELECT DISTINCT retailer_id FROM ops.load_ledger WHERE business_date = %s"
EVERYONE = {"retailer_1", "retailer_2", "retailer_3"}


@pytest.fixture(scope="module")
def running_platform(checkout: Checkout) -> Iterator[RunningPlatform]:
    """One platform for these tests; each uses business dates of its own."""
    with started(checkout) as platform:
        yield platform


def loaded(platform: RunningPlatform, day: date) -> set[str]:
    return {name for (name,) in platform.query(LOADED, day)}


@pytest.mark.parametrize(
    ("number", "faults", "first_day", "reason"),
    [  # each before the last, so that nothing but its own lost day is missing
        (1, "bad_rows:0.1", date(2023, 9, 1), "records rejected"),
        (3, "fail_at_page:3", date(2023, 7, 1), "500"),
        (2, "down", date(2023, 5, 1), "503"),
    ],
)
def test_a_failing_retailer_is_named_the_others_are_published_and_the_next_run_catches_up(
    running_platform: RunningPlatform, number: int, faults: str, first_day: date, reason: str
) -> None:
    platform = running_platform
    lost_day, next_day = first_day + timedelta(days=1), first_day + timedelta(days=2)
    assert platform.run(first_day).state == "success"

    platform.faults(number, faults)
    try:
        outcome = platform.run(lost_day)
    finally:
        platform.faults(number, None)
    assert outcome.state == "failed"
    assert f"retailer_{number} is missing" in outcome.said
    assert reason in outcome.said
    assert outcome.tasks[f"ingest_retailers_to_s3[retailer_{number}]"] == "failed"
    assert outcome.tasks["refresh_materialized_views"] == "success"
    others = EVERYONE - {f"retailer_{number}"}
    assert loaded(platform, lost_day) == others
    shown = platform.query("SELECT retailer_id FROM mv_daily_sales_summary WHERE business_date = %s", lost_day)
    assert {row[0] for row in shown} == others

    assert platform.run(next_day).state == "success"
    assert loaded(platform, lost_day) == loaded(platform, next_day) == EVERYONE
