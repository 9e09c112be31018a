"""The real DAG on the real scheduler: failing retailers, and sources that are added, disabled and removed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from shared.airflow_rest.client import DAG_ID
from tests.end_to_end.checkout import Checkout
from tests.end_to_end.running_platform import EVERYONE, QUICK, RUNS, Outcome, RunningPlatform, started
from tests.fakes.pushgateway import Gateway, pushgateway
from tests.fakes.source_definitions import copy_sources

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(900)]
# Alerts about other dates may come from the maintenance, which starts at 04:30.
ALERTS = (
    "SELECT summary FROM ops.alerts WHERE status <> 'resolved' AND (retailer_id = 'outlet_shop' OR business_date = %s)"
)
LOADED = "SELECT DISTINCT retailer_id FROM ops.load_ledger WHERE business_date = %s"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """Where the platform pushes its metrics."""
    with pushgateway() as served:
        yield served


@pytest.fixture(scope="module")
def sources(checkout: Checkout) -> Path:
    """The definitions of the platform, in a directory of their own."""
    return copy_sources(checkout.root / "my_sources")


@pytest.fixture(scope="module")
def running_platform(checkout: Checkout, sources: Path, gateway: Gateway) -> Iterator[RunningPlatform]:
    """One platform for these tests; each uses business dates of its own."""
    with started(checkout, {**QUICK, "SOURCES_DIRECTORY": str(sources), "PUSHGATEWAY_URL": gateway.url}) as platform:
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


FIRST = date(2023, 3, 1)
OUTLET = """
id: outlet_shop
name: Outlet Shop
country: United States
connector: retailer1
time_zone: America/New_York
currencies: [USD]
connection:
  url: {env: RETAILER1_API_URL}
  auth: {kind: header, name: X-API-Key, value: {secret: RETAILER1_API_KEY}}
"""
PUBLISHED = "retail_last_published_date_timestamp_seconds"


def ingested(outcome: Outcome) -> set[str]:
    """The retailers of the mapped tasks."""
    return {name.partition("[")[2].rstrip("]") for name in outcome.tasks if name.startswith("ingest_retailers_to_s3")}


def checked(platform: RunningPlatform, checkout: Checkout) -> set[tuple[str, str]]:
    """What the health check looks at of the source that is added: area and item."""
    findings = platform.command(checkout, "scripts.pipeline_health")["findings"]
    return {(each["area"], each["item"]) for each in findings if "outlet_shop" in each["item"]}


def day_number(number: int) -> date:
    return FIRST + timedelta(days=number)


@pytest.fixture(scope="module")
def before(running_platform: RunningPlatform) -> Outcome:
    """A run before the fourth source exists."""
    return running_platform.run(FIRST)


def test_a_definition_that_is_added_to_a_running_platform_is_part_of_the_next_run(
    running_platform: RunningPlatform, checkout: Checkout, sources: Path, gateway: Gateway, before: Outcome
) -> None:
    assert (before.state, ingested(before)) == ("success", EVERYONE)

    (sources / "outlet_shop.yaml").write_text(OUTLET, encoding="utf-8")
    platform, day = running_platform, day_number(1)
    outcome = platform.run(day)

    assert (outcome.state, outcome.said) == ("success", "")
    assert ingested(outcome) == loaded(platform, day) == {*EVERYONE, "outlet_shop"}
    names = platform.query(
        "SELECT retailer_name, country, time_zone FROM dim_retailer WHERE retailer_id = 'outlet_shop'"
    )
    assert names == [("Outlet Shop", "United States", "America/New_York")]
    assert all(platform.balance(day).values())
    assert gateway.group("ingest", "outlet_shop")["retail_landed_records"] > 0
    assert gateway.group("transform", "outlet_shop")[PUBLISHED] > 0
    assert gateway.group("quality")['retail_quality_failed_checks{retailer="outlet_shop",severity="critical"}'] == 0
    missing = platform.command(checkout, "cli", "gaps", "--from", str(FIRST), "--to", str(day))
    assert missing["gaps"] == {"outlet_shop": [str(FIRST)]}
    assert "outlet_shop" in platform.page(f"/retail/days/{day}")
    assert checked(platform, checkout) == {("retailer APIs", "outlet_shop"), ("warehouse", "outlet_shop data")}


@pytest.mark.parametrize("how", ["disabled", "removed"])
def test_a_source_that_is_disabled_or_removed_leaves_nothing_missing(
    running_platform: RunningPlatform, checkout: Checkout, sources: Path, gateway: Gateway, how: str
) -> None:
    platform, day = running_platform, day_number(2 if how == "disabled" else 3)
    if how == "disabled":
        (sources / "outlet_shop.yaml").write_text(f"{OUTLET}enabled: false\n", encoding="utf-8")
    else:
        (sources / "outlet_shop.yaml").unlink()

    outcome = platform.run(day)

    assert (outcome.state, outcome.said) == ("success", "")
    assert ingested(outcome) == loaded(platform, day) == EVERYONE
    assert platform.query(ALERTS, day) == []
    outcomes = platform.query("SELECT outcome FROM ops.data_quality_scores WHERE business_date = %s", day)
    assert {name for (name,) in outcomes} == {"pass"}
    assert gateway.group("transform", "outlet_shop") == {}
    assert not any("outlet_shop" in series for series in gateway.group("quality"))
    missing = platform.command(checkout, "cli", "gaps", "--from", str(FIRST), "--to", str(day))
    assert missing["gaps"] == {}
    assert checked(platform, checkout) == set()


def test_when_no_source_is_due_the_run_is_skipped_and_without_any_it_fails(
    running_platform: RunningPlatform, sources: Path
) -> None:
    definitions = {path: path.read_text(encoding="utf-8") for path in sources.glob("*.yaml")}
    try:
        for path, text in definitions.items():
            path.write_text(f"{text}schedule: manual\n", encoding="utf-8")
        idle = running_platform.run(day_number(4))
        for path in definitions:
            path.unlink()
        empty = running_platform.run(day_number(4))
    finally:
        for path, text in definitions.items():
            path.write_text(text, encoding="utf-8")

    assert (idle.state, set(idle.tasks.values())) == ("success", {"success", "skipped"})
    assert {name for name, state in idle.tasks.items() if state == "success"} == {"choose_business_date"}
    assert (empty.state, empty.tasks["choose_sources"]) == ("failed", "failed")
    causes = running_platform.query(
        "SELECT detail FROM ops.alerts WHERE kind = 'task_failed' AND run_id = %s AND task_id = 'choose_sources'",
        empty.run_id,
    )
    assert "There is no source in" in causes[0][0]
    assert running_platform.run(day_number(4)).state == "success"


def test_a_date_in_the_form_of_a_backfill_fails_the_runs_of_other_dates_and_says_why(
    running_platform: RunningPlatform,
) -> None:
    platform, days = running_platform, [day_number(-2), day_number(-1)]
    body = {
        "dag_id": DAG_ID,
        "from_date": f"{days[0]}T00:00:00Z",
        "to_date": f"{days[1]}T23:59:59Z",
        "dag_run_conf": {"date": str(days[0])},
    }
    platform.wait_for_backfill(int(platform.airflow.call("POST", "/api/v2/backfills", body)["id"]))

    run_ids = [f"backfill__{day + timedelta(days=1)}T02:00:00+00:00" for day in days]
    own, other = (platform.wait(run_id) for run_id in run_ids)
    assert (own.state, other.state) == ("success", "failed")
    assert f"This run of a backfill is for {days[1]}, but the field Business date of its form was set to" in other.said
    assert loaded(platform, days[1]) == set()

    platform.airflow.call("POST", f"{RUNS}/{run_ids[1]}/clear", {"dry_run": False})
    again = platform.wait(run_ids[1])
    assert (again.state, again.tasks["choose_business_date"]) == ("failed", "failed")
