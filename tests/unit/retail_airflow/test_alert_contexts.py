"""What Airflow's callbacks find in their contexts."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from retail_airflow.alerts import AlertContext, alert_context
from retail_airflow.tasks import deadline_limit, notify
from shared.errors import FixConfiguration

INTERVAL = {
    "data_interval_start": datetime(2026, 11, 20, 2, tzinfo=UTC),
    "data_interval_end": datetime(2026, 11, 21, 2, tzinfo=UTC),
}
RUN = {
    "dag_id": "retail_data_pipeline",
    "run_id": "scheduled__2026-11-20T02:00:00+00:00",
    "run_type": "scheduled",
    "run_after": INTERVAL["data_interval_end"],
    "logical_date": INTERVAL["data_interval_start"],
    "start_date": INTERVAL["data_interval_end"],
    "conf": None,
    "state": "running",
    **INTERVAL,
}


def context(task_id: str | None = None, map_index: int = -1, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"dag_run": SimpleNamespace(**RUN), "params": {"date": None}}
    if task_id:
        found["ti"] = SimpleNamespace(task_id=task_id, map_index=map_index, try_number=2, max_tries=3)
        found["task"] = SimpleNamespace(op_kwargs={})
    return {**found, **more}


def test_a_mapped_task_knows_its_retailer_and_date() -> None:
    it = alert_context(
        context("ingest_retailers_to_s3", 1, task=SimpleNamespace(op_kwargs={"retailer": "retailer_2", "day": "x"}))
    )

    assert (it.task_id, it.retailer, it.day) == ("ingest_retailers_to_s3", "retailer_2", date(2026, 11, 20))
    assert (it.attempt, it.attempts) == (2, 4)
    assert it.what == " for retailer_2, 2026-11-20"


def test_without_a_warehouse_the_retailer_of_a_killed_task_is_unknown() -> None:
    assert alert_context(context("ingest_retailers_to_s3", 2, task=object())).retailer is None
    assert alert_context(context("transform_s3_to_postgres", task=object())).retailer is None
    assert alert_context(context("find_gaps", 1, task=object())).retailer is None


def test_a_chosen_date_is_the_one_it_is_about() -> None:
    manual = SimpleNamespace(**{**RUN, "run_type": "manual", "conf": {"date": "2024-01-15"}})

    assert alert_context(context(dag_run=manual)).day == date(2024, 1, 15)
    assert alert_context(context(params={"date": "2024-01-15"})).day == date(2026, 11, 20), (
        "that of a run handled before"
    )


def test_a_dag_without_dates_has_none() -> None:
    it = alert_context(context(params={}))

    assert it.day is None
    assert it.what == ""


def test_a_missed_deadline_knows_its_run_from_a_dictionary() -> None:
    run = json.loads(json.dumps({**RUN, "dag_run_id": RUN["run_id"], "run_id": None}, default=str))

    it = alert_context({"dag_run": run, "deadline": {}})

    assert (it.dag_id, it.run_id, it.day) == ("retail_data_pipeline", RUN["run_id"], date(2026, 11, 20))
    conf = {"date": "2024-01-15"}
    assert alert_context({"dag_run": {**run, "run_type": "manual", "conf": conf}}).day == date(2024, 1, 15)
    backfill = alert_context({"dag_run": {**run, "run_type": "backfill", "conf": conf}})
    assert backfill.day == date(2026, 11, 20), "its own; the chosen date is that of every run"


def test_the_link_leads_to_the_task_or_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__API__BASE_URL", raising=False)
    run = AlertContext("dag", "manual__2026-11-21T02:00:00+00:00", None)
    assert run.link is None

    monkeypatch.setenv("AIRFLOW_URL", "http://airflow:8080/")
    page = "http://airflow:8080/dags/dag/runs/manual__2026-11-21T02%3A00%3A00%2B00%3A00"
    assert run.link == page
    assert AlertContext("dag", run.run_id, None, "ingest", map_index=1).link == f"{page}/tasks/ingest/mapped/1"
    assert AlertContext("dag", run.run_id, None, "refresh").link == f"{page}/tasks/refresh"


def test_whatever_an_alert_meets_the_task_goes_on() -> None:
    with capture_logs() as logs:
        assert notify("task_failed", {"dag_run": None}) is False
    assert ("warning", "the alert failed") in [(each["log_level"], each["event"]) for each in logs]


@pytest.mark.parametrize(("text", "hours"), [(None, 4), ("", 4), ("1.5", 1.5)])
def test_a_run_is_late_after_the_hours_that_are_set(text: str | None, hours: float) -> None:
    environ = {} if text is None else {"ALERT_DEADLINE_HOURS": text}

    assert deadline_limit(environ) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "1e9"])
def test_a_deadline_that_is_none_is_explained(text: str) -> None:
    with pytest.raises(FixConfiguration, match="ALERT_DEADLINE_HOURS is"):
        deadline_limit({"ALERT_DEADLINE_HOURS": text})
