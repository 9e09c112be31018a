"""`retail schedule` against a fake of Airflow's REST API over real HTTP; tests/airflow uses a real Airflow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

import cli.backfill_plan
import cli.run_monitor
import shared.airflow_rest.runs
from cli.airflow_session import check_zone
from cli.backfill_plan import date_range, format_dates
from cli.schedule import app
from shared.airflow_rest.client import AirflowUnavailable
from shared.errors import FixConfiguration
from tests.fakes.airflow_api import FakeAirflow, fake_airflow, run_facts, scheduled_run, task_facts

DAY = "2024-01-15"


def at_two(day: int) -> datetime:
    return datetime(2024, 1, day, 2, tzinfo=UTC)


@dataclass
class Shell:
    """A shell whose settings name the Airflow."""

    airflow: FakeAirflow
    url: str

    def retail(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    def json(self, *arguments: str) -> Any:
        return json.loads(self.retail(*arguments, "--json").stdout)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    monkeypatch.setattr(cli.run_monitor, "POLL_SECONDS", 0.0)
    monkeypatch.setenv("COLUMNS", "200")
    airflow = FakeAirflow()
    with fake_airflow(airflow) as vendor:
        login = {"AIRFLOW_URL": vendor.url, "AIRFLOW_USERNAME": "admin", "AIRFLOW_PASSWORD": "pw"}
        for name, value in {**login, "BUSINESS_TIMEZONE": "UTC"}.items():
            monkeypatch.setenv(name, value)
        yield Shell(airflow, vendor.url)


def ends_as(state: str) -> Any:
    """Every run that is looked at has ended."""

    def end(airflow: FakeAirflow) -> None:
        for run in airflow.runs:
            if run["state"] in ("queued", "running"):
                run |= {"state": state, "start_date": "2024-02-10T09:00:00Z", "end_date": "2024-02-10T09:00:12Z"}

    return end


def test_a_date_is_run_and_watched_by_task_and_retailer(shell: Shell) -> None:
    shell.airflow.tasks = [
        task_facts("ingest_retailers_to_s3", "success", "retailer_2", 1),
        task_facts("transform_s3_to_postgres", "success"),
    ]
    shell.airflow.on_poll = ends_as("success")
    shown = shell.retail("trigger", DAY)
    assert shown.exit_code == 0
    assert shell.airflow.posted == [{"logical_date": None, "conf": {"date": DAY}}]
    assert "ok     ingest_retailers_to_s3[retailer_2]" in shown.output
    assert "success in 12.0 s" in shown.output


def test_a_failed_run_exits_with_1_the_reason_and_where_to_look(shell: Shell) -> None:
    shell.airflow.tasks = [
        task_facts("ingest_retailers_to_s3", "failed", "retailer_2", 1),
        task_facts("report_missing_retailers", "failed"),
    ]
    shell.airflow.errors = {"ingest_retailers_to_s3": "retailer_2 returned status 503. Run again."}
    shell.airflow.on_poll = ends_as("failed")
    shown = shell.retail("trigger", DAY)
    assert shown.exit_code == 1
    assert "ingest_retailers_to_s3[retailer_2]: retailer_2 returned status 503." in shown.stderr
    assert "report_missing_retailers" not in shown.stderr
    assert f"See {shell.url}/dags/retail_data_pipeline/runs/manual__1: fix the cause, then clear" in shown.stderr
    facts = shell.json("trigger", DAY)
    assert (facts["business_date"], facts["state"]) == (DAY, "failed")
    assert facts["reasons"] == ["ingest_retailers_to_s3[retailer_2]: retailer_2 returned status 503. Run again."]


def test_a_paused_dag_is_reported_before_the_wait(shell: Shell) -> None:
    assert shell.retail("pause").output == "retail_data_pipeline is paused.\n"
    assert shell.retail("pause").output == "retail_data_pipeline is already paused.\n"
    rejected = [shell.retail("trigger", DAY), shell.retail("backfill", DAY, DAY)]
    assert [each.exit_code for each in rejected] == [1, 1]
    assert all(
        "is paused: its runs stay in the queue. Unpause it: retail schedule unpause" in each.stderr for each in rejected
    )
    assert shell.airflow.posted == []
    queued = shell.retail("trigger", DAY, "--no-wait")
    assert queued.exit_code == 0
    assert "is paused: the run stays in the queue" in queued.stderr
    assert shell.json("unpause") == {"dag_id": "retail_data_pipeline", "paused": False, "changed": True}


def test_ctrl_c_leaves_the_run_alone_and_says_so(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: Any, run: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.run_monitor.RunMonitor, "one", interrupt)
    shown = shell.retail("trigger", DAY)
    assert shown.exit_code == 130
    assert "Stopped watching; the run continues in Airflow. See http" in shown.stderr


def test_a_short_outage_of_airflow_is_waited_out(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    outages = iter([True, True])
    real = shared.airflow_rest.runs.find_run

    def find(*arguments: Any) -> Any:
        if next(outages, None):
            raise AirflowUnavailable("Airflow does not respond.", "no connection")
        return real(*arguments)

    monkeypatch.setattr(cli.run_monitor, "find_run", find)
    shell.airflow.on_poll = ends_as("success")
    assert shell.retail("trigger", DAY).exit_code == 0


def test_a_backfill_runs_both_ends_and_names_the_dates_that_were_there(shell: Shell) -> None:
    shell.airflow.runs = [
        scheduled_run(at_two(11), "success"),
        scheduled_run(at_two(12), "failed"),
        run_facts("manual", "success", logical_date="2024-01-12T09:30:00Z"),  # not a day's scheduled run
    ]
    shell.airflow.on_poll = ends_as("success")
    shown = shell.retail("backfill", "2024-01-10", "2024-01-14")
    assert shown.exit_code == 0, shown.output
    assert "Already run, failed: 2024-01-12" in shown.output
    assert "Already run, success: 2024-01-11" in shown.output
    assert "Runs 3 of 5 dates: 2024-01-10, 2024-01-13 to 2024-01-14" in shown.output
    (body,) = shell.airflow.posted
    assert body == {
        "dag_id": "retail_data_pipeline",
        "from_date": "2024-01-10T00:00:00+00:00",
        "to_date": "2024-01-14T23:59:59+00:00",
        "reprocess_behavior": "none",
        "max_active_runs": 4,
    }


def test_red_dates_of_a_backfill_are_named_with_reasons_and_how_to_run_them_again(shell: Shell) -> None:
    shell.airflow.tasks = [task_facts("data_quality_check", "failed")]
    shell.airflow.errors = {"data_quality_check": "7 totals do not add up."}
    shell.airflow.on_poll = ends_as("failed")
    shown = shell.retail("backfill", "2024-01-10", "2024-01-11")
    assert shown.exit_code == 1
    assert "data_quality_check: 7 totals do not add up." in shown.output
    assert "Failed: 2024-01-10 to 2024-01-11" in shown.output
    assert "retail schedule backfill 2024-01-10 2024-01-11 --reprocess failed" in shown.output


def test_a_dry_run_starts_nothing_and_prints_json(shell: Shell) -> None:
    shell.airflow.runs = [scheduled_run(at_two(11), "success")]
    facts = shell.json("backfill", "2024-01-10", "2024-01-11", "--reprocess", "completed", "--dry-run")
    assert facts == {"ok": True, "to_run": ["2024-01-10", "2024-01-11"], "there": {}, "runs": []}
    assert shell.airflow.posted == []


def test_a_backfill_under_way_is_named_instead_of_waited_for(shell: Shell) -> None:
    shell.airflow.runs = [scheduled_run(at_two(20), "running", "backfill")]
    dates = {"from_date": "2024-01-20T00:00:00Z", "to_date": "2024-01-21T23:59:59Z"}
    shell.airflow.backfills = [{"id": 3, "completed_at": None, "is_paused": False, **dates}]
    shown = shell.retail("backfill", "2024-01-10", "2024-01-11")
    assert shown.exit_code == 1
    assert "Backfill 3 of retail_data_pipeline (2024-01-20 to 2024-01-21) is still running: 1 of 1 runs" in shown.stderr


def test_a_backfill_that_is_only_being_closed_is_waited_for(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    dates = {"from_date": "2024-01-20T00:00:00Z", "to_date": "2024-01-21T23:59:59Z"}
    shell.airflow.runs = [scheduled_run(at_two(20), "success", "backfill")]
    shell.airflow.backfills = [{"id": 3, "completed_at": None, "is_paused": False, **dates}]
    real = cli.backfill_plan.start

    def start(*arguments: Any) -> int:
        return real(*arguments, sleep=lambda _: shell.airflow.backfills[0].update(completed_at="now"))

    monkeypatch.setattr(cli.backfill_plan, "start", start)
    shell.airflow.on_poll = ends_as("success")
    assert shell.retail("backfill", "2024-01-10", "2024-01-11").exit_code == 0


def test_runs_are_listed_with_business_date_and_reason(shell: Shell) -> None:
    shell.airflow.runs = [
        scheduled_run(at_two(11), "success") | {"queued_at": "2024-02-10T08:00:00Z"},
        run_facts("m", "failed", conf={"date": DAY}, queued_at="2024-02-10T09:00:00Z"),
    ]
    shell.airflow.tasks = [task_facts("refresh_materialized_views", "failed")]
    shell.airflow.errors = {"refresh_materialized_views": "PostgreSQL does not respond."}
    listed = shell.json("runs")
    assert [(each["business_date"], each["kind"], each["state"]) for each in listed] == [
        (DAY, "manual", "failed"),
        ("2024-01-11", "scheduled", "success"),
    ]
    assert listed[0]["reasons"] == ["refresh_materialized_views: PostgreSQL does not respond."]
    assert "PostgreSQL does not respond." in shell.retail("runs").output


def test_the_dags_are_listed_with_what_became_of_them(shell: Shell) -> None:
    shell.airflow.runs = [scheduled_run(at_two(11), "success")]
    (dag,) = shell.json("list")
    assert (dag["schedule"], dag["paused"], dag["last_run"]["business_date"]) == ("0 2 * * *", False, "2024-01-11")
    assert "2024-02-11 02:00" in shell.retail("list").output


def test_for_an_unknown_dag_the_known_ones_are_listed(shell: Shell) -> None:
    shown = shell.retail("runs", "--dag", "nope")
    assert shown.exit_code == 2
    assert "has no DAG nope. Known: retail_data_pipeline." in shown.stderr


def test_nobody_there_says_where_to_look(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_URL", "http://127.0.0.1:9")
    shown = shell.retail("list")
    assert shown.exit_code == 1
    assert "Check its services: make status, or docker-compose ps" in shown.stderr


NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)


def test_dates_that_cannot_be_backfilled_are_rejected_in_words() -> None:
    zone = ZoneInfo("America/New_York")
    with pytest.raises(FixConfiguration, match="FROM 2024-01-02 is after TO 2024-01-01"):
        date_range(date(2024, 1, 2), date(2024, 1, 1), zone, NOW)
    with pytest.raises(FixConfiguration, match=r"2024-03-01 is not over before 2024-03-02 02:00 \(America/New_York\)"):
        date_range(date(2024, 2, 1), date(2024, 3, 1), zone, NOW)
    with pytest.raises(FixConfiguration, match="ten years at a time"):
        date_range(date(2009, 1, 1), date(2024, 1, 1), zone, NOW)


def test_a_zone_that_is_not_airflows_is_rejected() -> None:
    dag = FakeAirflow().dag()
    check_zone(dag, "UTC")
    with pytest.raises(FixConfiguration, match="runs at 15:00 of that zone instead of 02:00"):
        check_zone(dag, "Pacific/Auckland")


def test_dates_are_shown_as_ranges() -> None:
    days = [date(2024, 1, 31), date(2024, 2, 1), date(2024, 2, 3)]
    assert format_dates(days) == "2024-01-31 to 2024-02-01, 2024-02-03"
