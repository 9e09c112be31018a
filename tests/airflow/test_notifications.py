"""Messages about runs on the real scheduler: one when a problem occurs and one when it is resolved."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from shared.airflow_rest.client import DAG_ID
from tests.airflow.conftest import LATE_SECONDS, WITH_RETRIES, held_up
from tests.end_to_end.running_platform import RunningPlatform
from tests.fakes.receivers import Mailbox, Sink
from tests.waiting import wait_until

SHORT_DAY, LATE_DAY = date(2023, 1, 5), date(2023, 1, 3)
"""Before the dates of all other tests, so that they open no gap."""
STATUSES = "SELECT kind, status FROM ops.alerts WHERE business_date = %s"
ONCE_EACH = dict.fromkeys(("task_failed", "missing_data", "quality_violation", "run_failed"), 1)
"""On a slow machine the run is late, too."""


@pytest.fixture(scope="module")
def airflow(restarted: RunningPlatform) -> RunningPlatform:
    """The platform, with the schedule on, as soon as Airflow has read the DAG under the settings of this start."""
    restarted.pause(False)
    task = f"/api/v2/dags/{DAG_ID}/tasks/choose_business_date"
    wait_until(lambda: restarted.airflow.call("GET", task)["retries"] == int(WITH_RETRIES["RETAIL_TASK_RETRIES"]), 120)
    return restarted


def received(sink: Sink, day: date, status: str) -> Counter[str]:
    """Kinds of the messages about a date; `notice` for messages that are not alerts."""
    about = [body for body in sink.bodies if body.get("business_date") == day.isoformat()]
    return Counter(body.get("kind", "notice") for body in about if body["status"] == status)


def messages(sink: Sink, day: date, words: str) -> list[str]:
    """The texts about a date that hold these words."""
    texts = [str(body["message"]) for body in sink.bodies if body.get("business_date") == day.isoformat()]
    return [text for text in texts if words in text]


def mailed(mailbox: Mailbox, day: date) -> list[str]:
    """How the subjects of the mails about a date begin."""
    subjects = [each for each in mailbox.subjects if str(day) in each and "is late" not in each]
    return [each.partition(" ")[0] for each in subjects]


def test_a_retailer_that_is_down_causes_one_alert_that_is_resolved_when_it_is_back(
    airflow: RunningPlatform, sink: Sink, mailbox: Mailbox
) -> None:
    airflow.faults(2, "down")
    try:
        outcome = airflow.run(SHORT_DAY)
    finally:
        airflow.faults(2, None)

    assert outcome.state == "failed"
    wait_until(lambda: received(sink, SHORT_DAY, "open")["run_failed"] > 0, 60)
    assert {kind: count for kind, count in received(sink, SHORT_DAY, "open").items() if kind != "run_late"} == ONCE_EACH
    retried = messages(sink, SHORT_DAY, "is tried again (try")
    assert len(retried) == 2
    assert "retailer_2 at 127.0.0.1" in retried[0]
    (cause,) = messages(sink, SHORT_DAY, "What to do: read its log")
    assert "responded with 503" in cause
    assert f"{airflow.environment['AIRFLOW_URL']}/dags/retail_data_pipeline/runs/" in cause
    wait_until(lambda: mailed(mailbox, SHORT_DAY) == ["[ERROR]"] * 3, 30)  # no warning and no notice

    outcome = airflow.run(SHORT_DAY)

    assert outcome.state == "success"
    wait_until(lambda: messages(sink, SHORT_DAY, "retail_data_pipeline succeeded") != [], 60)
    (summary,) = messages(sink, SHORT_DAY, "retail_data_pipeline succeeded")
    # The date's own three, and those of other dates that the retailers have changed meanwhile.
    ((partitions,),) = airflow.query("SELECT count(*) FROM ops.load_ledger WHERE run_id = %s", outcome.run_id)
    assert partitions >= 3
    for expected in ("Records: ", f"{partitions} partitions", " GBP", " USD", " EUR", "Quality: ", "Duration: "):
        assert expected in summary
    wait_until(lambda: "[RESOLVED]" in mailed(mailbox, SHORT_DAY), 30)


def test_a_run_that_misses_its_deadline_causes_an_alert_while_it_runs(
    airflow: RunningPlatform, sink: Sink, mailbox: Mailbox
) -> None:
    with held_up(airflow):
        run_id = airflow.trigger(LATE_DAY)
        wait_until(lambda: received(sink, LATE_DAY, "open")["run_late"] > 0, LATE_SECONDS + 120)
        assert set(airflow.query(STATUSES, LATE_DAY)) == {("run_late", "open")}

    assert airflow.wait(run_id).state == "success"
    wait_until(lambda: set(airflow.query(STATUSES, LATE_DAY)) == {("run_late", "resolved")}, 60)
    (late,) = messages(sink, LATE_DAY, "is late for")
    assert "It was queued more than" in late
    wait_until(lambda: any(f"is late for {LATE_DAY}" in each for each in mailbox.subjects), 30)
