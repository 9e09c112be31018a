"""The real DAG on the real scheduler: a failing retailer is named and caught up; a backfill runs days side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from shared.airflow_api import DAG_ID
from tests.end_to_end.checkout import Checkout
from tests.end_to_end.running_platform import RunningPlatform, started

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(900)]
LEDGER = """
SELECT retailer_id, business_date FROM ops.load_ledger
WHERE business_date BETWEEN %s AND %s GROUP BY retailer_id, business_date
"""
EVERYONE = {"retailer_1", "retailer_2", "retailer_3"}


@pytest.fixture(scope="module")
def running_platform(checkout: Checkout) -> Iterator[RunningPlatform]:
    """One platform for these tests; each uses business dates of its own."""
    with started(checkout) as platform:
        yield platform


def loaded(platform: RunningPlatform, day: date) -> set[str]:
    return {row[0] for row in platform.query(LEDGER, day, day)}


@pytest.mark.parametrize(
    ("number", "faults", "first_day", "reason"),
    [  # each before the last, so that nothing but its own lost day is missing
        (1, "bad_rows:0.1", date(2023, 9, 1), "records refused"),
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


def test_a_backfill_loads_exactly_its_days_side_by_side_and_again_without_effect(
    running_platform: RunningPlatform,
) -> None:
    platform = running_platform
    first, last = date(2023, 3, 1), date(2023, 3, 4)
    days = {first + timedelta(days=n) for n in range(4)}
    states = backfill(platform, first, last, "none")
    assert states == dict.fromkeys(days, "success")
    found = platform.query(LEDGER, first - timedelta(days=20), last + timedelta(days=20))
    assert {(name, day) for name, day in found} == {(name, day) for name in EVERYONE for day in days}
    digest = platform.digest()
    assert backfill(platform, first, last, "completed") == dict.fromkeys(days, "success")
    assert platform.digest() == digest
    written = platform.query(
        "SELECT sum(inserted + updated + withdrawn) FROM ops.load_ledger AS l WHERE business_date BETWEEN %s AND %s"
        " AND load_id > (SELECT min(load_id) FROM ops.load_ledger AS f WHERE (f.retailer_id, f.business_date)"
        " = (l.retailer_id, l.business_date))",
        first,
        last,
    )
    assert written == [(0,)]


def backfill(platform: RunningPlatform, first: date, last: date, reprocess: str) -> dict[date, str]:
    """Run a backfill through the API; the state of each business date's run."""
    body = {
        "dag_id": DAG_ID,
        "from_date": f"{first}T00:00:00Z",
        "to_date": f"{last}T23:59:59Z",
        "max_active_runs": 4,
        "reprocess_behavior": reprocess,
    }
    identifier = platform.airflow.call("POST", "/api/v2/backfills", body)["id"]
    deadline = time.monotonic() + 240
    while platform.airflow.call("GET", f"/api/v2/backfills/{identifier}")["completed_at"] is None:
        assert time.monotonic() < deadline, "the backfill did not end"
        time.sleep(0.5)
    window = f"logical_date_gte={first}T00:00:00Z&logical_date_lte={last}T23:59:59Z&limit=50"
    runs: list[dict[str, Any]] = platform.airflow.call("GET", f"/api/v2/dags/{DAG_ID}/dagRuns?{window}")["dag_runs"]
    return {date.fromisoformat(run["data_interval_start"][:10]): run["state"] for run in runs}
