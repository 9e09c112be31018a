from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier
from typing import Any

import psycopg2
import pytest

from local_stack.databases import WarehouseAccess
from monitoring.alerts import Alert, alerting, raise_alert, resolve_alerts
from monitoring.alerts.channels import Channel
from monitoring.alerts.messages import AlertMessage
from tests.integration.alerts.conftest import NOON, Alerts, noon

DAY = date(2026, 11, 20)
SINK = [Channel(1, "json", "json://sink")]
FAILED = Alert(
    "task_failed", "error", "ingest failed for retailer_2", "it says no", DAY, "retailer_2", "dag", "run", "ingest"
)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[AlertMessage]:
    """The messages that would go out."""
    messages: list[AlertMessage] = []

    def deliver(message: AlertMessage, channels: list[Channel]) -> dict[Channel, str]:
        messages.append(message)
        return {}

    def deliver_each(batch: list[tuple[AlertMessage, Channel]]) -> dict[Channel, str]:
        messages.extend(message for message, _ in batch)
        return {}

    monkeypatch.setattr(alerting, "deliver", deliver)
    monkeypatch.setattr(alerting, "deliver_each", deliver_each)
    return messages


def test_the_same_cause_again_is_the_same_row_and_sent_once(
    warehouse: WarehouseAccess, alerts: Alerts, sent: list[AlertMessage]
) -> None:
    numbers = {raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=SINK) for _ in range(3)}

    (row,) = alerts()
    assert numbers == {row["alert_id"]}
    assert (row["occurrences"], row["status"], row["notified_at"]) == (3, "open", NOON)
    assert [message.title for message in sent] == ["[ERROR] ingest failed for retailer_2"]


def test_two_runs_that_meet_a_cause_at_once_send_it_once(
    warehouse: WarehouseAccess, alerts: Alerts, sent: list[AlertMessage]
) -> None:
    together = Barrier(8)

    def meet(_: int) -> None:
        together.wait()
        raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=SINK)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(meet, range(8)))

    (row,) = alerts()
    assert row["occurrences"] == 8
    assert len(sent) == 1


def test_a_higher_severity_is_sent_again_and_a_lower_one_is_not(
    warehouse: WarehouseAccess, alerts: Alerts, sent: list[AlertMessage]
) -> None:
    for severity in ("warning", "critical", "warning", "critical"):
        alert = Alert("quality_violation", severity, f"quality: {severity}", business_date=DAY)
        raise_alert(warehouse.loader_dsn, alert, clock=noon, channels=SINK)

    assert [message.severity for message in sent] == ["warning", "critical"]
    assert [row["severity"] for row in alerts()] == ["critical"]


def test_what_reached_no_channel_is_tried_again_at_the_next_occurrence(
    warehouse: WarehouseAccess, alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[AlertMessage] = []

    def reject_the_first(message: AlertMessage, channels: list[Channel]) -> dict[Channel, str]:
        tries.append(message)
        return {} if len(tries) > 1 else {SINK[0]: "down"}

    monkeypatch.setattr(alerting, "deliver", reject_the_first)
    raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=SINK)
    assert alerts()[0]["notified_at"] is None

    for _ in range(2):
        raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=SINK)

    assert alerts()[0]["notified_at"] == NOON
    assert len(tries) == 2


def test_a_sender_that_was_killed_is_replaced_after_a_minute(
    warehouse: WarehouseAccess, alerts: Alerts, sent: list[AlertMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(alerting, "_send", lambda *_: None)
        raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=SINK)

    claimed(warehouse, "now() - interval '40 seconds'")
    raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=SINK)
    assert sent == []
    claimed(warehouse, "now() - interval '61 seconds'")
    raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=SINK)
    assert len(sent) == 1


def test_a_claim_of_a_process_whose_clock_is_ahead_keeps_nobody_from_sending(
    warehouse: WarehouseAccess, alerts: Alerts, sent: list[AlertMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(alerting, "_send", lambda *_: None)
        in_two_days = datetime.now(UTC) + timedelta(days=2)
        raise_alert(warehouse.loader_dsn, FAILED, clock=lambda: in_two_days, channels=SINK)
    assert alerts()[0]["claimed_at"] < datetime.now(UTC) + timedelta(hours=1), "by the clock of the database"

    claimed(warehouse, "now() + interval '2 days'")  # as earlier versions recorded it
    raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=SINK)
    assert len(sent) == 1


def claimed(warehouse: WarehouseAccess, at: str) -> None:
    """Have the alert been claimed at this time, in SQL."""
    with psycopg2.connect(warehouse.loader_dsn) as connection:
        connection.cursor().execute(f"UPDATE ops.alerts SET claimed_at = {at}")


def test_an_acknowledged_alert_is_counted_but_not_sent(
    warehouse: WarehouseAccess, alerts: Alerts, sent: list[AlertMessage]
) -> None:
    number = raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=[])
    with psycopg2.connect(warehouse.loader_dsn) as connection:
        connection.cursor().execute("UPDATE ops.alerts SET status = 'acknowledged' WHERE alert_id = %s", (number,))

    raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=SINK)

    assert sent == []
    assert alerts()[0]["occurrences"] == 2


def test_a_cause_that_is_gone_is_resolved_sent_once_and_may_come_again(
    warehouse: WarehouseAccess, alerts: Alerts, sent: list[AlertMessage]
) -> None:
    raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=SINK)

    def resolve() -> int:
        return resolve_alerts(
            warehouse.loader_dsn, kind="task_failed", retailer_id="retailer_2", by="run 2", clock=noon, channels=SINK
        )

    assert [resolve(), resolve()] == [1, 0]
    raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=SINK)

    first, second = alerts()
    assert (first["status"], first["resolved_by"], second["status"]) == ("resolved", "run 2", "open")
    assert [message.title for message in sent] == [
        "[ERROR] ingest failed for retailer_2",
        "[RESOLVED] ingest failed for retailer_2",
        "[ERROR] ingest failed for retailer_2",
    ]


def test_the_end_of_an_alert_that_was_never_sent_is_not_sent(
    warehouse: WarehouseAccess, alerts: Alerts, sent: list[AlertMessage]
) -> None:
    raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=[])

    assert resolve_alerts(warehouse.loader_dsn, kind="task_failed", by="run 2", clock=noon, channels=SINK) == 1
    assert sent == []


def test_resolving_leaves_other_causes_alone(
    warehouse: WarehouseAccess, alerts: Alerts, sent: list[AlertMessage]
) -> None:
    raise_alert(warehouse.loader_dsn, FAILED, clock=noon, channels=SINK)
    others: list[dict[str, Any]] = [
        {"kind": "run_failed"},
        {"retailer_id": "retailer_1"},
        {"business_date": DAY + timedelta(days=1)},
        {"kind": "task_failed", "task_id": "transform"},
    ]

    assert [resolve_alerts(warehouse.loader_dsn, **other, by="x", clock=noon, channels=SINK) for other in others] == [
        0
    ] * 4
    with pytest.raises(ValueError, match="without a filter"):
        resolve_alerts(warehouse.loader_dsn, by="x", clock=noon)


def test_without_a_warehouse_the_message_is_sent_all_the_same(sent: list[AlertMessage]) -> None:
    dsn = "postgresql://retail_user:x@127.0.0.1:1/none"

    assert raise_alert(dsn, FAILED, clock=noon, channels=SINK) == 0
    assert [message.title for message in sent] == ["[ERROR] ingest failed for retailer_2"]
    assert "retail alerts" not in sent[0].body
