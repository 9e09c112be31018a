from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from monitoring.alerts.messages import ending, opening
from monitoring.alerts.run_history import RunFacts, format_duration

ROW: dict[str, Any] = {
    "alert_id": 7,
    "fingerprint": "task_failed/dag/ingest/retailer_2/2026-11-20",
    "kind": "task_failed",
    "severity": "error",
    "status": "open",
    "summary": "ingest failed for retailer_2",
    "detail": "It says no.\nWhat to do: wait.",
    "business_date": date(2026, 11, 20),
    "retailer_id": "retailer_2",
    "dag_id": "dag",
    "run_id": "run",
    "task_id": "ingest",
    "link": "http://airflow/x",
    "occurrences": 1,
    "first_seen_at": datetime(2026, 11, 21, 2, 5, tzinfo=UTC),
}


def test_a_message_says_what_why_about_what_where_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow/")
    message = opening(ROW)

    assert message.title == "[ERROR] ingest failed for retailer_2"
    assert message.body.splitlines() == [
        "ingest failed for retailer_2",
        "",
        "It says no.",
        "What to do: wait.",
        "",
        "Retailer: retailer_2",
        "Business date: 2026-11-20",
        "DAG: dag",
        "Task: ingest",
        "Run: run",
        "Log: http://airflow/x",
        "Acknowledge it: retail alerts ack 7",
        "Details: http://airflow/plugin/retail-quality/retail/alerts/7",
    ]
    assert message.facts["alert_id"] == "7"
    assert message.key == ROW["fingerprint"]


def test_what_was_met_before_says_how_often() -> None:
    assert "Occurred 3 times since 2026-11-21 02:05 UTC." in opening({**ROW, "occurrences": 3}).body


def test_what_is_not_known_is_not_mentioned() -> None:
    nothing = dict.fromkeys(("business_date", "retailer_id", "dag_id", "run_id", "task_id", "link", "alert_id"))

    assert opening({**ROW, **nothing, "detail": ""}).body == "ingest failed for retailer_2\n"


def test_the_end_of_several_is_one_message_of_the_gravest() -> None:
    worse = {**ROW, "alert_id": 8, "severity": "critical", "summary": "the run failed"}

    message = ending([ROW, worse], "run 2")

    assert (message.title, message.severity, message.is_good) == (
        "[RESOLVED] the run failed and 1 more",
        "critical",
        True,
    )
    assert "Resolved: ingest failed for retailer_2 (alert 7)" in message.body
    assert message.body.endswith("Resolved by: run 2")
    assert message.facts["status"] == "resolved"


def test_the_summary_of_a_run_has_records_money_quality_and_duration() -> None:
    facts = RunFacts(
        partitions=4,
        other_partitions=1,
        in_warehouse=12345,
        inserted=12000,
        updated=300,
        rejected=7,
        retailers=("retailer_1", "retailer_2"),
        money={"USD": Decimal("1234567.5"), "EUR": Decimal("-3.005")},
        score=Decimal("98.7654"),
        outcome="pass",
    )

    assert facts.sentences(timedelta(seconds=14.26)) == [
        "Records: 12,345 in 4 partitions, 1 of them of other dates (12,000 new, 300 changed, 7 rejected)",
        "Money: -3.00 EUR, 1,234,567.50 USD",
        "Retailers: retailer_1, retailer_2",
        "Quality: 98.8 of 100 (pass)",
        "Duration: 14.3 s",
    ]
    assert RunFacts().sentences(None) == []


@pytest.mark.parametrize(
    ("took", "words"),
    [
        (timedelta(seconds=5.04), "5.0 s"),
        (timedelta(minutes=4, seconds=9), "4 min 09 s"),
        (timedelta(hours=3, minutes=5, seconds=59), "3 h 05 min"),
    ],
)
def test_a_duration_is_spelled_by_its_size(took: timedelta, words: str) -> None:
    assert format_duration(took) == words
