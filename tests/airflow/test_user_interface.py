"""What users do with the pipeline in Airflow's own pages, in a real browser."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from shared.airflow_rest.client import DAG_ID
from tests.airflow.conftest import Keep
from tests.airflow.pipeline_page import LONG, PipelinePage
from tests.airflow.screens import DESKTOP, Screens
from tests.end_to_end.running_platform import EVERYONE, RunningPlatform

ONE_DAY = date(2024, 6, 20)
FIRST, LAST = date(2024, 2, 24), date(2024, 3, 4)
TEN_DAYS = {FIRST + timedelta(days=n) for n in range(10)}
"""Across the end of a month, in a leap year. Each test takes dates before all loaded ones, so that it opens no gap."""
LOST_DAY = date(2023, 10, 10)
LOADED = """
SELECT DISTINCT business_date, retailer_id FROM ops.load_ledger
 WHERE business_date BETWEEN %s::date - 15 AND %s::date + 15
"""
IN_WAREHOUSE = """
SELECT DISTINCT full_date, retailer_id
  FROM fact_sales JOIN dim_date USING (date_key) JOIN dim_retailer USING (retailer_key)
 WHERE full_date BETWEEN %s AND %s
"""
WRITTEN_AGAIN = """
SELECT sum(inserted + updated + withdrawn) FROM ops.load_ledger WHERE business_date BETWEEN %s AND %s AND load_id > %s
"""


@pytest.fixture
def pipeline(page: Page) -> PipelinePage:
    return PipelinePage(page)


def every_retailer(days: set[date]) -> set[tuple[date, str]]:
    return {(day, name) for day in days for name in EVERYONE}


def backfill_runs(platform: RunningPlatform, pipeline: PipelinePage) -> list[dict[str, Any]]:
    """Send the filled form; the runs of the backfill, after its end."""
    backfill = pipeline.run_backfill()
    pipeline.page.goto("about:blank")  # its charts would keep a processor busy
    platform.wait_for_backfill(backfill)
    window = f"logical_date_gte={FIRST}T00:00:00Z&logical_date_lte={LAST}T23:59:59Z&run_type=backfill&limit=50"
    runs: list[dict[str, Any]] = platform.airflow.call("GET", f"/api/v2/dags/{DAG_ID}/dagRuns?{window}")["dag_runs"]
    return runs


def run_in_parallel(runs: list[dict[str, Any]]) -> int:
    """How many runs were under way at the same time, at most."""
    spans = [(str(run["start_date"]), str(run["end_date"])) for run in runs]
    return max(sum(began <= at < ended for began, ended in spans) for at, _ in spans)


def test_the_documentation_says_what_the_dag_does_and_what_to_do_when_it_fails(
    pipeline: PipelinePage, keep: Keep
) -> None:
    pipeline.find()
    text = pipeline.documentation()

    for expected in ("What it does", "If a run failed"):
        expect(text.get_by_text(expected, exact=True)).to_be_in_viewport()
    expect(text).to_contain_text("Clear")
    keep("01-documentation")
    pipeline.close_dialog()


def test_a_paused_pipeline_waits_until_it_is_toggled_on(
    pipeline: PipelinePage, platform: RunningPlatform, keep: Keep
) -> None:
    platform.pause(True)
    pipeline.open()
    keep("02-paused")

    pipeline.switch(on=True)

    assert platform.airflow.call("GET", f"/api/v2/dags/{DAG_ID}")["is_paused"] is False
    keep("03-toggled-on")


def test_a_business_date_chosen_in_the_picker_is_loaded_and_seen_green(
    pipeline: PipelinePage, platform: RunningPlatform, keep: Keep
) -> None:
    pipeline.open()
    form = pipeline.trigger_form()
    form.locator("input#element_date").fill(ONE_DAY.isoformat())
    keep("04-trigger-form")

    run_id = pipeline.trigger(ONE_DAY)

    pipeline.see_run(run_id, "Success")
    expect(pipeline.grid_cell(run_id, "refresh_materialized_views")).to_be_visible()
    keep("05-green-run")
    assert platform.chosen_date(run_id) == ONE_DAY
    assert set(platform.query(IN_WAREHOUSE, ONE_DAY, ONE_DAY)) == every_retailer({ONE_DAY})
    assert pipeline.errors() == []


@pytest.mark.usefixtures("stopped_clocks")
def test_a_backfill_loads_exactly_its_ten_days_side_by_side_and_all_runs_again_change_nothing(
    pipeline: PipelinePage, platform: RunningPlatform, keep: Keep
) -> None:
    pipeline.open()
    before = set(platform.query(LOADED, FIRST, LAST))
    expect(pipeline.backfill_form(FIRST, LAST)).to_have_text("10 runs will be triggered.")
    keep("06-backfill-form")
    runs = backfill_runs(platform, pipeline)

    assert {run["state"] for run in runs} == {"success"}
    assert sorted(platform.chosen_date(run["dag_run_id"]) for run in runs) == sorted(TEN_DAYS)
    assert set(platform.query(LOADED, FIRST, LAST)) - before == every_retailer(TEN_DAYS)
    assert set(platform.query(IN_WAREHOUSE, FIRST, LAST)) == every_retailer(TEN_DAYS)
    assert run_in_parallel(runs) >= 2
    pipeline.open("/runs?run_type=backfill")
    expect(pipeline.page.get_by_text("Success").first).to_be_visible()
    keep("07-backfilled-runs")

    digest = platform.digest()
    load_id = platform.query("SELECT max(load_id) FROM ops.load_ledger")[0][0]
    pipeline.open()
    expect(pipeline.backfill_form(FIRST, LAST, "completed")).to_have_text("10 runs will be triggered.")
    keep("08-all-runs-again")
    again = backfill_runs(platform, pipeline)

    assert [run["state"] for run in again] == ["success"] * 10
    assert platform.digest() == digest
    assert platform.query(WRITTEN_AGAIN, FIRST, LAST, load_id) == [(0,)]
    pipeline.open("/backfills")
    expect(pipeline.page.get_by_role("row", name=f"{FIRST} 00:00:00").last).to_contain_text("All Runs")
    keep("09-backfills")
    assert pipeline.errors() == []


@pytest.mark.parametrize("timezone", ["America/Los_Angeles", "Asia/Tokyo", "Pacific/Auckland"])
def test_the_backfill_form_means_the_days_of_the_time_zone_at_the_bottom_left(screens: Screens, timezone: str) -> None:
    page = screens.open(DESKTOP, timezone=timezone)
    page.add_init_script("localStorage.setItem('timezone', JSON.stringify('UTC'))")
    pipeline = PipelinePage(page)
    pipeline.open()

    with page.expect_request(lambda request: request.url.endswith("/backfills/dry_run")) as sent:
        expect(pipeline.backfill_form(FIRST, LAST, "completed")).to_be_visible()

    requested: dict[str, Any] = sent.value.post_data_json or {}
    assert requested["from_date"] == f"{FIRST}T00:00:00.000Z"
    assert requested["to_date"] == f"{LAST}T23:59:59.999Z"


def test_a_failed_run_names_the_retailer_its_log_says_what_to_do_and_it_succeeds_when_cleared(
    pipeline: PipelinePage, platform: RunningPlatform, keep: Keep
) -> None:
    platform.faults(2, "down")
    try:
        pipeline.open()
        pipeline.trigger_form()
        run_id = pipeline.trigger(LOST_DAY)
        pipeline.see_run(run_id, "Failed")
    finally:
        platform.faults(2, None)
    keep("10-failed-run")
    log = pipeline.open_log("retailer_2")
    advice = log.get_by_text("retailer_2 at 127.0.0.1").last
    expect(advice).to_be_in_viewport()
    expect(advice).to_contain_text("Run again later.")
    keep("11-log-of-the-failed-task")

    expect(pipeline.clear_form()).to_contain_text("5")
    keep("12-clear")
    pipeline.clear()

    pipeline.see_run(run_id, "Success")
    expect(pipeline.page.get_by_text("Failed", exact=True)).to_have_count(0, timeout=LONG)
    keep("13-succeeded-after-clearing")
    assert set(platform.query(IN_WAREHOUSE, LOST_DAY, LOST_DAY)) == every_retailer({LOST_DAY})
    assert pipeline.errors() == []
