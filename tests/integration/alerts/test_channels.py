"""Messages reach real receivers with everything in them, and a broken one harms nobody."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from email.message import EmailMessage
from functools import partial
from typing import TYPE_CHECKING

import pytest

from monitoring.alerts import (
    Alert,
    AlertMessage,
    Channel,
    alerting,
    announce,
    delivery,
    raise_alert,
    resolve_alerts,
)
from monitoring.alerts.channels import parse_channels
from monitoring.alerts.delivery import deliver, deliver_each
from monitoring.alerts.pauses import PAUSE_SECONDS, Pauses
from shared.config import PROJECT_ROOT
from tests.integration.alerts.conftest import Alerts, Mailbox, Sink, noon

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"
PAGERDUTY = "pagerduty://integration1key2@api3key4"
SECRETS = ("TIiajkdnlazkcOXrIdevi7FQ", "integration1key2", "api3key4", "s3cret", "signature9")
LINK = "http://airflow/dags/retail_data_pipeline/runs/r1/tasks/ingest/mapped/1"
FAILED = Alert(
    "task_failed",
    "error",
    "ingest failed for retailer_2, 2026-11-20",
    "retailer_2 rejected our client id (401).\nWhat to do: set RETAILER2_CLIENT_SECRET in .env.",
    date(2026, 11, 20),
    "retailer_2",
    "retail_data_pipeline",
    "r1",
    "ingest",
    LINK,
)
EVERYTHING = (
    "ingest failed for retailer_2, 2026-11-20",
    "rejected our client id (401)",
    "What to do: set RETAILER2_CLIENT_SECRET",
    "Retailer: retailer_2",
    "Business date: 2026-11-20",
    "retail_data_pipeline",
    LINK,
    "retail alerts ack",
)


def channels(*urls: str) -> list[Channel]:
    found, problems = parse_channels(" ".join(urls))
    assert problems == []
    return found


def mail_url(mailbox: Mailbox) -> str:
    return f"mailto://127.0.0.1:{mailbox.port}/?from=retail@example.com&to=team@example.com"


def text_of(mail: object) -> str:
    assert isinstance(mail, EmailMessage)
    body = mail.get_body(("plain", "html"))
    assert body is not None
    return str(body.get_content())


@pytest.mark.usefixtures("other_peoples_services")
def test_every_kind_of_channel_gets_everything(
    warehouse: WarehouseAccess, sink: Sink, mailbox: Mailbox, alerts: Alerts
) -> None:
    every = channels(
        mail_url(mailbox),
        SLACK,
        f"workflows://{sink.host}/workflow8/signature9",
        PAGERDUTY,
        f"json://user:s3cret@{sink.host}/hook",
    )

    raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=every)

    assert alerts()[0]["notified_at"] == noon()
    (mail,) = mailbox.mails
    assert mail["subject"] == "[ERROR] ingest failed for retailer_2, 2026-11-20"
    assert "team@example.com" in mail["to"]
    sent = {path.split("/")[1].partition("?")[0]: body for path, body in sink.posts}
    assert set(sent) == {"slack", "workflows", "pagerduty", "hook"}
    for said in (text_of(mail), *(json.dumps(body) for body in sent.values())):
        assert [each for each in EVERYTHING if each not in said] == []
    assert [each for each in SECRETS if each in str([mail, sent["slack"], sent["workflows"], sent["hook"]])] == []
    hook, page = sent["hook"], sent["pagerduty"]
    assert (hook["retailer_id"], hook["business_date"], hook["kind"]) == ("retailer_2", "2026-11-20", "task_failed")
    assert (page["event_action"], page["payload"]["severity"]) == ("trigger", "error")
    assert page["dedup_key"] == FAILED.fingerprint


@pytest.mark.usefixtures("other_peoples_services")
def test_the_resolution_is_sent_and_closes_the_incident(warehouse: WarehouseAccess, sink: Sink) -> None:
    both = channels(PAGERDUTY, f"json://{sink.host}/hook")
    raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=both)
    sink.posts.clear()

    resolve_alerts(warehouse.loader_dsn, kind="task_failed", by="run r2", clock=noon, channels=both)

    sent = dict(sink.posts)
    assert sent["/pagerduty"]["event_action"] == "resolve"
    assert sent["/pagerduty"]["dedup_key"] == FAILED.fingerprint
    hook = sent["/hook"]
    assert hook["title"] == "[RESOLVED] ingest failed for retailer_2, 2026-11-20"
    assert "Resolved by: run r2" in hook["message"]
    assert (hook["type"], hook["status"]) == ("success", "resolved")


@pytest.mark.usefixtures("other_peoples_services")
def test_several_that_end_together_are_one_message_but_close_every_incident(
    warehouse: WarehouseAccess, sink: Sink
) -> None:
    both = channels(PAGERDUTY, f"json://{sink.host}/hook")
    late = Alert("run_late", "error", "the run is late", business_date=FAILED.business_date, dag_id=FAILED.dag_id)
    for alert in (FAILED, late):
        raise_alert(warehouse.loader_dsn, alert, clock=noon, channels=both)
    sink.posts.clear()

    resolve_alerts(warehouse.loader_dsn, dag_id=FAILED.dag_id, by="run r2", clock=noon, channels=both)

    assert [path for path, _ in sink.posts].count("/hook") == 1
    closed = {body["dedup_key"] for path, body in sink.posts if path == "/pagerduty"}
    assert closed == {FAILED.fingerprint, late.fingerprint}


def test_a_channel_is_sent_its_least_severity_and_graver(sink: Sink) -> None:
    two = channels(f"error=json://{sink.host}/grave", f"json://{sink.host}/all")

    for severity in ("info", "warning", "error", "critical"):
        announce(AlertMessage(severity, severity, "body"), two)

    assert [body["title"] for path, body in sink.posts if path == "/grave"] == ["error", "critical"]
    assert len([path for path, _ in sink.posts if path == "/all"]) == 4


def test_a_broken_channel_does_not_affect_the_others_and_shows_no_secret(
    warehouse: WarehouseAccess, sink: Sink, alerts: Alerts, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = channels(
        "json://user:s3cret@127.0.0.1:1/hidden-path",
        "nosuchthing://s3cret",
        "pagerduty://s3cret",
        f"json://{sink.host}/hook",
    )

    number = raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=broken)

    assert len(sink.posts) == 1
    assert alerts()[0]["notified_at"] is not None
    failed = deliver(AlertMessage("error", "t", "b"), broken)
    assert [each.name for each in failed] == ["channel 1 (json)", "channel 2 (nosuchthing)", "channel 3 (pagerduty)"]
    captured = capsys.readouterr()
    said = " ".join([captured.out, captured.err, str(failed), repr(broken)])
    assert number > 0
    assert "s3cret" not in said
    assert "hidden-path" not in said
    assert "channel 1 (json)" in said


def test_a_rejection_is_reported_with_its_status(sink: Sink) -> None:
    sink.status = 403

    (reason,) = deliver(AlertMessage("error", "t", "b"), channels(f"json://{sink.host}/hook")).values()

    assert "403" in reason


def test_a_channel_that_never_responds_is_abandoned(sink: Sink) -> None:
    sink.unresponsive.set()
    begun = time.monotonic()

    failed = deliver(AlertMessage("error", "t", "b"), channels(f"json://{sink.host}/hook?rto=25"), limit=0.2)

    assert list(failed.values()) == ["it did not respond in time"]
    assert time.monotonic() - begun < 10  # not the 25 s that it would take


def test_a_channel_that_hangs_delays_only_the_first_of_many_alerts_for_a_minute(
    warehouse: WarehouseAccess, sink: Sink, alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    monkeypatch.setattr(delivery, "PAUSES", Pauses(lambda: seconds[0]))
    hangs = channels(f"json://{sink.host}/hook?rto=25")
    sink.unresponsive.set()
    monkeypatch.setattr(alerting, "deliver", partial(deliver, limit=0.2))

    for number in range(1, 31):
        day = FAILED.business_date and FAILED.business_date + timedelta(days=number)
        raise_alert(warehouse.loader_dsn, replace(FAILED, business_date=day), clock=noon, channels=hangs)

    wait_for(lambda: bool(sink.posts))  # its attempt goes on without us
    assert len(sink.posts) == 1, "one waited, the others did not"
    assert {(row["status"], row["notified_at"]) for row in alerts()} == {("open", None)}
    assert len(alerts()) == 30, "nothing is lost"

    sink.unresponsive.clear()
    sink.released.set()
    monkeypatch.setattr(alerting, "deliver", deliver)
    seconds[0] = PAUSE_SECONDS - 1
    raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=hangs)
    assert len(sink.posts) == 1
    seconds[0] = PAUSE_SECONDS
    raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=hangs)
    assert (len(sink.posts), alerts()[-1]["notified_at"]) == (2, noon()), "sent when it occurs again"


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


def test_a_channel_that_hangs_takes_nothing_from_the_others(sink: Sink) -> None:
    two = channels(f"json://{sink.host}/hook?rto=25", f"json://{sink.host}/other")
    message, pauses = AlertMessage("error", "t", "b"), Pauses()
    pauses.add(two[0])

    failed = deliver_each([(message, each) for each in two], pauses=pauses)

    assert [path for path, _ in sink.posts] == ["/other"]
    assert [each.name for each in failed] == ["channel 1 (json)"]
    assert "failed slowly a short while ago" in failed[two[0]]


@pytest.mark.parametrize(("took", "sent"), [(2.9, 2), (3.0, 1)])
def test_a_channel_that_rejects_is_left_out_only_if_that_took_long(sink: Sink, took: float, sent: int) -> None:
    times = iter([0.0, 0.0, took, took, took, took, took, took])
    pauses, sink.status = Pauses(lambda: next(times)), 403
    message, (channel,) = AlertMessage("error", "t", "b"), channels(f"json://{sink.host}/hook")

    for _ in range(2):
        deliver_each([(message, channel)], pauses=pauses)

    assert len(sink.posts) == sent


def test_what_the_library_says_stays_out_of_the_logs_of_a_run() -> None:
    program = (
        "import logging; logging.basicConfig(level='DEBUG');"
        " from monitoring.alerts.channels import parse_channels; from monitoring.alerts import AlertMessage, announce;"
        " announce(AlertMessage('error', 't', 'b'), parse_channels('json://user:s3cret@127.0.0.1:1/x pagerduty://s3cret')[0])"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)

    said = done.stdout + done.stderr
    assert said.count("alert not delivered") == 2
    assert "s3cret" not in said


def test_without_anything_to_send_the_library_is_not_imported() -> None:
    program = (
        "import sys; from monitoring.alerts import AlertMessage, announce, read_channels;"
        " announce(AlertMessage('info', 't', 'b'), []);"
        " announce(AlertMessage('info', 't', 'b'), read_channels({'ALERT_CHANNELS': 'error=json://127.0.0.1:1'}));"
        " print('apprise' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
