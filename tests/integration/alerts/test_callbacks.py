"""The effect of Airflow's callbacks, with a real warehouse and a receiver of alerts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from monitoring.alerts.outcomes import refresh_task, report_task
from pipeline.stages import INGEST, REFRESH
from retail_airflow import alerts, tasks
from tests.fakes.published_days import PublishedDays
from tests.integration.alerts.conftest import Alerts, Sink, noon

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess

DAY = date(2026, 11, 20)
SCHEDULED_AT = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


@dataclass
class Clock:
    """The time, which the test moves on."""

    now: datetime = SCHEDULED_AT + timedelta(minutes=5)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture(autouse=True)
def clock(warehouse: WarehouseAccess, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The environment of a task; alerts go to the sink."""
    clock = Clock()
    monkeypatch.setattr(alerts, "_now", clock)
    monkeypatch.setenv("WAREHOUSE_DSN", warehouse.loader_dsn)
    monkeypatch.setenv("ALERT_CHANNELS", f"json://{sink.host}/hook")
    monkeypatch.setenv("AIRFLOW_URL", "http://airflow:8080")
    return clock


@pytest.fixture
def days(warehouse: WarehouseAccess) -> Iterator[PublishedDays]:
    """What the loader would have published."""
    published = PublishedDays(warehouse.owner_dsn)
    yield published
    published.close()


def context(task_id: str | None = None, *, day: date = DAY, run_id: str = "run-1", **more: Any) -> dict[str, Any]:
    run = SimpleNamespace(
        dag_id="retail_data_pipeline",
        run_id=run_id,
        run_type="manual",
        run_after=SCHEDULED_AT,
        logical_date=None,
        data_interval_start=None,
        data_interval_end=None,
        start_date=SCHEDULED_AT,
        conf={"date": day.isoformat()},
        state="running",
    )
    found: dict[str, Any] = {"dag_run": run, "params": {"date": day.isoformat()}}
    if task_id:
        index = 1 if task_id == INGEST.task_id else -1
        found["ti"] = SimpleNamespace(task_id=task_id, map_index=index, try_number=4, max_tries=3)
        found["task"] = SimpleNamespace(op_kwargs={"retailer": "retailer_2"} if index == 1 else {})
    return {**found, **more}


def titles(sink: Sink) -> list[str]:
    return [body["title"] for body in sink.bodies]


def unresolved(alerts: Alerts) -> set[str]:
    return {row["kind"] for row in alerts() if row["status"] != "resolved"}


def fail_ingestion(**more: Any) -> None:
    reason = "retailer_2 rejected our client id (401). Set RETAILER2_CLIENT_SECRET in .env."
    tasks.task_failed(context(INGEST.task_id, exception=RuntimeError(reason), **more))


def test_a_failed_task_is_reported_with_retailer_date_reason_remedy_and_log(sink: Sink, alerts: Alerts) -> None:
    fail_ingestion()

    (body,) = sink.bodies
    assert body["title"] == "[ERROR] ingest_retailers_to_s3 failed for retailer_2, 2026-11-20"
    assert "rejected our client id (401). Set RETAILER2_CLIENT_SECRET" in body["message"]
    assert "What to do: " in body["message"]
    assert body["link"] == (
        "http://airflow:8080/dags/retail_data_pipeline/runs/run-1/tasks/ingest_retailers_to_s3/mapped/1"
    )
    (row,) = alerts()
    assert (row["kind"], row["severity"], row["business_date"]) == ("task_failed", "error", DAY)


def test_a_run_without_a_chosen_date_keeps_its_own_when_another_was_reported_before(alerts: Alerts) -> None:
    failed = context(INGEST.task_id, day=date(2024, 3, 5), exception=RuntimeError("503"))
    failed["dag_run"].conf = None  # the parameters are still those of the other run

    tasks.task_failed(failed)

    (row,) = alerts()
    assert row["business_date"] == DAY


def test_a_task_whose_process_was_killed_says_so(sink: Sink, days: PublishedDays) -> None:
    days.plan(DAY, ["outlet_shop", "retailer_2"])
    tasks.task_failed(context(INGEST.task_id, task=object()))

    assert "its process was killed" in sink.bodies[0]["message"]
    assert sink.bodies[0]["retailer_id"] == "retailer_2"


def test_a_task_that_succeeds_when_it_is_cleared_resolves_its_alert(sink: Sink, alerts: Alerts) -> None:
    fail_ingestion()

    tasks.task_succeeded(context("transform_s3_to_postgres"))
    assert unresolved(alerts) == {"task_failed"}
    tasks.task_succeeded(context(INGEST.task_id))

    assert unresolved(alerts) == set()
    assert titles(sink)[-1] == "[RESOLVED] ingest_retailers_to_s3 failed for retailer_2, 2026-11-20"


def test_views_that_are_refreshed_for_another_date_are_refreshed(alerts: Alerts) -> None:
    tasks.task_failed(context(REFRESH.task_id, exception=RuntimeError("no lock")))

    tasks.task_succeeded(context(REFRESH.task_id, day=DAY + timedelta(days=1), run_id="run-2"))

    assert unresolved(alerts) == set()


def test_a_task_that_refreshes_the_views_resolves_the_alert_of_a_command_that_could_not(
    warehouse: WarehouseAccess, alerts: Alerts
) -> None:
    report_task(warehouse.loader_dsn, refresh_task("retail refresh", "refresh-1"), "no lock", clock=noon)
    assert unresolved(alerts) == {"task_failed"}

    tasks.task_succeeded(context(REFRESH.task_id))

    assert unresolved(alerts) == set()


def test_a_retry_is_announced_and_not_kept(sink: Sink, alerts: Alerts) -> None:
    tasks.task_retried(context(INGEST.task_id, exception=RuntimeError("503, run again later")))

    (body,) = sink.bodies
    assert "failed for retailer_2, 2026-11-20 and is tried again (try 4 of 4)" in body["title"]
    assert "503, run again later" in body["message"]
    assert body["type"] == "info"
    assert alerts() == []


def test_missing_data_ends_with_the_publication_whichever_run_it_was(
    sink: Sink, alerts: Alerts, days: PublishedDays, clock: Clock
) -> None:
    days.publish(DAY, "retailer_1")
    fail_ingestion()
    missing = {"retailer_2": "rejected our client id (401)", "retailer_1": "its newest change could not be read"}
    assert not tasks.notify("data_missing", context("report_missing_retailers"), missing)
    assert tasks.notify("data_missing", context("report_missing_retailers"), {"retailer_2": "rejected"})
    tasks.run_failed(context(reason="task_failure"))
    missing_rows = [row for row in alerts() if row["kind"] == "missing_data"]
    assert [(row["retailer_id"], row["occurrences"]) for row in missing_rows] == [("retailer_2", 2)]

    days.publish(DAY, "retailer_2", run_id="run-2")
    days.execute("UPDATE ops.load_ledger SET recorded_at = %s WHERE run_id = 'run-2'", (clock(),))
    tomorrow = context("report_missing_retailers", day=DAY + timedelta(days=1), run_id="run-2")
    tasks.notify("data_missing", tomorrow, {})

    assert unresolved(alerts) == set()
    assert {row["resolved_by"] for row in alerts()} == {"retail_data_pipeline, run run-2"}
    assert titles(sink)[-1].startswith("[RESOLVED] ")
    assert titles(sink)[-1].endswith("and 2 more")


def test_a_failed_run_stays_reported_while_a_cause_is_left(alerts: Alerts, days: PublishedDays, clock: Clock) -> None:
    fail_ingestion()
    tasks.task_failed(context(REFRESH.task_id, exception=RuntimeError("no lock")))
    tasks.run_failed(context(reason="task_failure"))

    days.publish(DAY, "retailer_2", run_id="run-2")
    days.execute("UPDATE ops.load_ledger SET recorded_at = %s", (clock(),))
    tasks.notify("data_missing", context("report_missing_retailers", run_id="run-2"), {})

    assert [row["task_id"] for row in alerts() if row["status"] == "open" and row["task_id"]] == [REFRESH.task_id]
    assert unresolved(alerts) == {"task_failed", "run_failed"}


@pytest.mark.parametrize(("published", "severity"), [(True, "error"), (False, "critical")])
def test_a_failed_run_is_critical_when_it_published_nothing(
    published: bool, severity: str, sink: Sink, alerts: Alerts, days: PublishedDays
) -> None:
    if published:
        days.publish(DAY, "retailer_1")
    fail_ingestion()

    tasks.run_failed(context(reason="task_failure"))

    body = sink.bodies[-1]
    assert alerts()[-1]["severity"] == severity
    assert "Cause: ingest_retailers_to_s3 failed for retailer_2, 2026-11-20" in body["message"]
    assert ("Nothing was published." in body["message"]) is not published
    assert ("Records: 40 in 1 partition" in body["message"]) is published


def test_a_successful_run_is_announced_with_its_result_and_resolves_its_alerts(
    sink: Sink, alerts: Alerts, days: PublishedDays
) -> None:
    days.publish_all(DAY)
    days.execute(
        "INSERT INTO ops.data_quality_scores VALUES ('run-1', %s, 'overall', 99.5, 'pass', %s)", (DAY, SCHEDULED_AT)
    )
    fail_ingestion()
    tasks.run_failed(context(reason="task_failure"))

    tasks.run_succeeded(context(reason="success"))

    assert unresolved(alerts) == set()
    body = sink.bodies[-1]
    assert body["title"] == "retail_data_pipeline succeeded for 2026-11-20"
    for said in (
        "Records: 120 in 3 partitions",
        " EUR, ",
        " GBP, ",
        " USD",
        "Quality: 99.5 of 100 (pass)",
        "Duration: 5",
    ):
        assert said in body["message"]
    assert body["type"] == "success"


def test_a_late_run_is_reported_and_resolved_when_it_ends(sink: Sink, alerts: Alerts) -> None:
    described = {
        "dag_id": "retail_data_pipeline",
        "dag_run_id": "run-1",
        "run_type": "manual",
        "run_after": "2026-11-21T02:00:00Z",
        "logical_date": None,
        "conf": {"date": "2026-11-20"},
        "state": "running",
    }

    tasks.deadline_missed({"dag_run": {**described, "state": "success"}, "deadline": {}}, limit_hours=4.0)
    assert sink.bodies == [], "it has ended before that was heard of"
    tasks.deadline_missed({"dag_run": described, "deadline": {}}, limit_hours=4.0)

    assert sink.bodies[0]["title"] == "[ERROR] retail_data_pipeline is late for 2026-11-20: not done after 4 h"
    tasks.run_failed(context(reason="task_failure"))
    assert unresolved(alerts) == {"run_failed"}


def quality(outcome: str, *checks: tuple[str, str]) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "score": 97.0,
        "business_date": DAY.isoformat(),
        "checks": [{"status": status, "message": message} for status, message in checks],
    }


def judge(facts: dict[str, Any]) -> bool:
    return tasks.notify("quality_judged", context("data_quality_check"), facts)


def test_a_failed_check_is_critical_and_passes_away_with_a_pass(sink: Sink, alerts: Alerts) -> None:
    assert judge(quality("fail", ("fail", "7 totals do not add up."), ("warn", "3 products without a name.")))

    (body,) = sink.bodies
    assert body["title"] == "[CRITICAL] Quality check failed for 2026-11-20"
    assert "7 totals do not add up." in body["message"]
    assert "python -m data_quality.main 2026-11-20" in body["message"]
    assert not judge(quality("pass"))
    assert unresolved(alerts) == set()


def test_warnings_after_a_failure_are_an_alert_of_their_own(sink: Sink, alerts: Alerts) -> None:
    judge(quality("fail", ("fail", "7 totals do not add up.")))

    assert not judge(quality("warn", ("warn", "3 products without a name.")))

    assert [(row["severity"], row["status"]) for row in alerts()] == [("critical", "resolved"), ("warning", "open")]
    assert titles(sink)[-1] == "[WARNING] Quality warnings for 2026-11-20"


def keep_result(days: PublishedDays, run_id: str, retailer_id: str, day: date, status: str, minute: int) -> None:
    days.execute(
        "INSERT INTO ops.data_quality_results (run_id, business_date, retailer_id, check_name, dimension, severity,"
        " status, score, threshold, message, checked_at) VALUES (%s, %s, %s, %s, 'x', 'warning', %s, 1, 1, 'm', %s)",
        (run_id, day, retailer_id, f"check of {run_id}", status, SCHEDULED_AT + timedelta(minutes=minute)),
    )


def test_a_warning_about_a_date_ends_when_a_later_run_has_caught_it_up(alerts: Alerts, days: PublishedDays) -> None:
    keep_result(days, "run-1", "retailer_1", DAY, "pass", 0)
    keep_result(days, "run-1", "retailer_2", DAY, "warn", 0)
    judge(quality("warn", ("warn", "retailer_2 was left out.")))
    tomorrow = context("data_quality_check", day=DAY + timedelta(days=1), run_id="run-2")

    keep_result(days, "run-2", "retailer_1", DAY + timedelta(days=1), "pass", 10)
    tasks.notify("quality_judged", tomorrow, quality("pass"))
    assert unresolved(alerts) == {"quality_violation"}
    keep_result(days, "run-2", "retailer_2", DAY, "pass", 10)
    tasks.notify("quality_judged", tomorrow, quality("pass"))

    assert unresolved(alerts) == set()


def test_a_failure_that_was_reported_in_detail_is_not_reported_twice(alerts: Alerts) -> None:
    error = RuntimeError("7 totals do not add up.")
    error.is_alerted = True  # type: ignore[attr-defined]

    tasks.task_failed(context("data_quality_check", exception=error))

    assert alerts() == []


def test_another_dag_fails_without_retailer_and_date(sink: Sink, alerts: Alerts) -> None:
    of_maintenance = context("find_gaps", exception=RuntimeError("no lock"))
    of_maintenance["dag_run"].dag_id, of_maintenance["params"] = "retail_maintenance", {}

    tasks.task_failed(of_maintenance)
    tasks.run_failed({**of_maintenance, "reason": "task_failure"})

    assert titles(sink) == ["[ERROR] find_gaps failed", "[ERROR] retail_maintenance failed"]
    tasks.task_succeeded(of_maintenance)
    tasks.run_succeeded(of_maintenance)
    assert unresolved(alerts) == set()


def test_without_a_warehouse_the_message_is_sent_and_the_task_goes_on(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_DSN", "postgresql://retail_user:x@127.0.0.1:1/none")

    fail_ingestion()
    tasks.task_succeeded(context(INGEST.task_id))
    tasks.run_succeeded(context())
    monkeypatch.delenv("WAREHOUSE_DSN")
    tasks.run_failed(context(reason="task_failure"))

    assert titles(sink) == [
        "[ERROR] ingest_retailers_to_s3 failed for retailer_2, 2026-11-20",
        "retail_data_pipeline succeeded for 2026-11-20",
        "[CRITICAL] retail_data_pipeline failed for 2026-11-20",
    ]


def test_an_index_means_the_source_that_the_latest_plan_of_the_run_has_at_it(days: PublishedDays) -> None:
    days.plan(DAY, ["retailer_3", "outlet_shop"])
    days.plan(DAY, ["retailer_3", "a_shop", "outlet_shop"])
    days.plan(DAY, ["of_another_run"], run_id="run-2")
    found = []
    for index in range(4):
        instance = SimpleNamespace(task_id=INGEST.task_id, map_index=index, try_number=1, max_tries=0)
        found.append(alerts.alert_context(context(INGEST.task_id, task=None, ti=instance)).retailer)
    assert found == ["retailer_3", "a_shop", "outlet_shop", None]
