"""`retail schedule` against Airflow's answers over real HTTP; the real Airflow is met in tests/airflow."""

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
from cli.backfill_plan import date_range, in_words
from cli.schedule import app
from shared.airflow_rest.client import AirflowUnavailable
from shared.errors import FixConfiguration
from tests.fakes.airflow_api import FakeAirflow, fake_airflow, run_facts, scheduled_run, task_facts

DAY = "2024-01-15"


def night(day: int) -> datetime:
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
    told = shell.retail("trigger", DAY)
    assert told.exit_code == 0
    assert shell.airflow.posted == [{"logical_date": None, "conf": {"date": DAY}}]
    assert "ok     ingest_retailers_to_s3[retailer_2]" in told.output
    assert "success in 12.0 s" in told.output


def test_a_red_run_ends_with_1_the_reason_and_where_to_look(shell: Shell) -> None:
    shell.airflow.tasks = [
        task_facts("ingest_retailers_to_s3", "failed", "retailer_2", 1),
        task_facts("report_missing_retailers", "failed"),
    ]
    shell.airflow.errors = {"ingest_retailers_to_s3": "retailer_2 answers 503. Run again."}
    shell.airflow.on_poll = ends_as("failed")
    told = shell.retail("trigger", DAY)
    assert told.exit_code == 1
    assert "ingest_retailers_to_s3[retailer_2]: retailer_2 answers 503." in told.stderr
    assert "report_missing_retailers" not in told.stderr
    assert f"See {shell.url}/dags/retail_data_pipeline/runs/manual__1: mend the cause, then clear" in told.stderr
    facts = shell.json("trigger", DAY)
    assert (facts["business_date"], facts["state"]) == (DAY, "failed")
    assert facts["reasons"] == ["ingest_retailers_to_s3[retailer_2]: retailer_2 answers 503. Run again."]


def test_a_paused_dag_is_told_before_anybody_waits_for_it(shell: Shell) -> None:
    assert shell.retail("pause").output == "retail_data_pipeline is paused.\n"
    assert shell.retail("pause").output == "retail_data_pipeline is paused already.\n"
    rejected = [shell.retail("trigger", DAY), shell.retail("backfill", DAY, DAY)]
    assert [each.exit_code for each in rejected] == [1, 1]
    assert all(
        "is paused: its runs stay in the queue. Switch it on: retail schedule unpause" in each.stderr
        for each in rejected
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
    told = shell.retail("trigger", DAY)
    assert told.exit_code == 130
    assert "Not watched any more; the run goes on in Airflow. See http" in told.stderr


def test_an_airflow_that_is_silent_for_a_moment_is_waited_for(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["silence", "silence"])
    real = shared.airflow_rest.runs.find_run

    def find(*arguments: Any) -> Any:
        if next(answers, None):
            raise AirflowUnavailable("no connection")
        return real(*arguments)

    monkeypatch.setattr(cli.run_monitor, "find_run", find)
    shell.airflow.on_poll = ends_as("success")
    assert shell.retail("trigger", DAY).exit_code == 0


def test_a_backfill_runs_both_ends_and_names_the_dates_that_were_there(shell: Shell) -> None:
    shell.airflow.runs = [
        scheduled_run(night(11), "success"),
        scheduled_run(night(12), "failed"),
        run_facts("by hand", "success", logical_date="2024-01-12T09:30:00Z"),  # of no day's place in the schedule
    ]
    shell.airflow.on_poll = ends_as("success")
    told = shell.retail("backfill", "2024-01-10", "2024-01-14")
    assert told.exit_code == 0, told.output
    assert "There already, failed: 2024-01-12" in told.output
    assert "There already, success: 2024-01-11" in told.output
    assert "Runs 3 of 5 dates: 2024-01-10, 2024-01-13 to 2024-01-14" in told.output
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
    told = shell.retail("backfill", "2024-01-10", "2024-01-11")
    assert told.exit_code == 1
    assert "data_quality_check: 7 totals do not add up." in told.output
    assert "Red: 2024-01-10 to 2024-01-11" in told.output
    assert "retail schedule backfill 2024-01-10 2024-01-11 --reprocess failed" in told.output


def test_a_dry_run_starts_nothing_and_answers_programs(shell: Shell) -> None:
    shell.airflow.runs = [scheduled_run(night(11), "success")]
    facts = shell.json("backfill", "2024-01-10", "2024-01-11", "--reprocess", "completed", "--dry-run")
    assert facts == {"ok": True, "to_run": ["2024-01-10", "2024-01-11"], "there": {}, "runs": []}
    assert shell.airflow.posted == []


def test_a_backfill_under_way_is_named_instead_of_waited_for(shell: Shell) -> None:
    shell.airflow.runs = [scheduled_run(night(20), "running", "backfill")]
    dates = {"from_date": "2024-01-20T00:00:00Z", "to_date": "2024-01-21T23:59:59Z"}
    shell.airflow.backfills = [{"id": 3, "completed_at": None, "is_paused": False, **dates}]
    told = shell.retail("backfill", "2024-01-10", "2024-01-11")
    assert told.exit_code == 1
    assert "Backfill 3 of retail_data_pipeline (2024-01-20 to 2024-01-21) is under way: 1 of 1 runs" in told.stderr


def test_a_backfill_that_is_only_being_closed_is_waited_for(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    dates = {"from_date": "2024-01-20T00:00:00Z", "to_date": "2024-01-21T23:59:59Z"}
    shell.airflow.runs = [scheduled_run(night(20), "success", "backfill")]
    shell.airflow.backfills = [{"id": 3, "completed_at": None, "is_paused": False, **dates}]
    real = cli.backfill_plan.start

    def start(*arguments: Any) -> int:
        return real(*arguments, sleep=lambda _: shell.airflow.backfills[0].update(completed_at="now"))

    monkeypatch.setattr(cli.backfill_plan, "start", start)
    shell.airflow.on_poll = ends_as("success")
    assert shell.retail("backfill", "2024-01-10", "2024-01-11").exit_code == 0


def test_runs_are_listed_with_business_date_and_reason(shell: Shell) -> None:
    shell.airflow.runs = [
        scheduled_run(night(11), "success") | {"queued_at": "2024-02-10T08:00:00Z"},
        run_facts("m", "failed", conf={"date": DAY}, queued_at="2024-02-10T09:00:00Z"),
    ]
    shell.airflow.tasks = [task_facts("refresh_materialized_views", "failed")]
    shell.airflow.errors = {"refresh_materialized_views": "No PostgreSQL answers."}
    listed = shell.json("runs")
    assert [(each["business_date"], each["kind"], each["state"]) for each in listed] == [
        (DAY, "manual", "failed"),
        ("2024-01-11", "scheduled", "success"),
    ]
    assert listed[0]["reasons"] == ["refresh_materialized_views: No PostgreSQL answers."]
    assert "No PostgreSQL answers." in shell.retail("runs").output


def test_the_dags_are_listed_with_what_became_of_them(shell: Shell) -> None:
    shell.airflow.runs = [scheduled_run(night(11), "success")]
    (dag,) = shell.json("list")
    assert (dag["schedule"], dag["paused"], dag["last_run"]["business_date"]) == ("0 2 * * *", False, "2024-01-11")
    assert "2024-02-11 02:00" in shell.retail("list").output


def test_an_unknown_dag_is_answered_with_those_there_are(shell: Shell) -> None:
    told = shell.retail("runs", "--dag", "nope")
    assert told.exit_code == 2
    assert "knows no DAG nope. Known: retail_data_pipeline." in told.stderr


def test_nobody_there_says_where_to_look(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_URL", "http://127.0.0.1:9")
    told = shell.retail("list")
    assert told.exit_code == 1
    assert "See what runs: make status, or docker-compose ps" in told.stderr


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


def test_dates_are_told_as_ranges() -> None:
    days = [date(2024, 1, 31), date(2024, 2, 1), date(2024, 2, 3)]
    assert in_words(days) == "2024-01-31 to 2024-02-01, 2024-02-03"
