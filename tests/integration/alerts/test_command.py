"""`retail alerts`, as an operator types it."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from monitoring.alerts import Alert, raise_alert
from tests.integration.alerts.conftest import Alerts, Sink, noon

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess
    from tests.integration.cli.conftest import Retail

DAY = date(2026, 11, 20)
Printed = Callable[..., Any]


@pytest.fixture
def environment(warehouse: WarehouseAccess) -> dict[str, str]:
    """The settings; the warehouse has three alerts: 1, 2 and 3."""
    for alert in (
        Alert("quality_violation", "warning", "Quality [bold]warnings[/]", "3 names are missing", DAY),
        Alert("missing_data", "error", "retailer_2 has no data", "It says no.\nWhat to do: wait.", DAY, "retailer_2"),
        Alert("run_failed", "critical", "the run failed", "Why: so", date(2026, 11, 19), dag_id="dag"),
    ):
        raise_alert(warehouse.loader_dsn, alert, clock=noon, channels=[])
    return {"WAREHOUSE_DSN": warehouse.loader_dsn, "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}


def test_alerts_are_listed_by_the_filters(environment: dict[str, str], printed: Printed, retail: Retail) -> None:
    for filters, expected in (
        ([], [3, 2, 1]),
        (["--severity", "error"], [3, 2]),
        (["--retailer", "retailer_2"], [2]),
        (["--date", "2026-11-20"], [2, 1]),
        (["--status", "resolved"], []),
        (["--all", "--limit", "1"], [3]),
    ):
        found = printed(environment, "alerts", "list", *filters)
        assert [each["alert_id"] for each in found["alerts"]] == expected, filters
    shown = retail(environment, "alerts", "list").stdout
    assert "3 of 3 shown" in shown
    assert "Quality [bold]warnings[/]" in shown
    assert retail(environment, "alerts", "list", "--status", "resolved").stdout == "No alert matches.\n"


def test_an_alert_is_shown_with_reason_and_remedy(environment: dict[str, str], retail: Retail) -> None:
    shown = retail(environment, "alerts", "show", "2")

    assert shown.returncode == 0
    assert "What to do: wait." in shown.stdout
    assert "2026-11-21 12:00:00 UTC" in shown.stdout
    unknown = retail(environment, "alerts", "show", "99")
    assert (unknown.returncode, "Alert 99 does not exist" in unknown.stderr) == (2, True)


def test_several_are_taken_on_with_a_note(
    environment: dict[str, str], printed: Printed, retail: Retail, alerts: Alerts
) -> None:
    done = retail(environment, "alerts", "ack", "1", "2", "--note", "I contact them")

    assert (done.returncode, done.stdout) == (0, "Alert 1, 2: acknowledged.\n")
    for row in alerts()[:2]:
        assert (row["status"], row["acknowledged_by"], row["note"]) == (
            "acknowledged",
            getpass.getuser(),
            "I contact them",
        )
    found = printed(environment, "alerts", "list", "--status", "acknowledged")
    assert found["matching"] == 2


def test_what_is_resolved_or_unknown_is_said_and_the_rest_is_done(
    environment: dict[str, str], retail: Retail, alerts: Alerts
) -> None:
    assert retail(environment, "alerts", "resolve", "3").returncode == 0

    again = retail(environment, "alerts", "resolve", "3", "2", "99")

    assert again.returncode == 1
    assert again.stdout == "Alert 2: resolved.\n"
    assert f"Alert 3 was already resolved on {alerts()[2]['resolved_at']:%Y-%m-%d %H:%M} UTC" in again.stderr
    assert "Alert 99 does not exist" in again.stderr
    assert [row["status"] for row in alerts()] == ["open", "resolved", "resolved"]
    as_json = retail(environment, "alerts", "ack", "3", "--json")
    assert as_json.returncode == 1
    assert json.loads(as_json.stdout)["acknowledged"] == []


def test_the_channels_are_tried_one_by_one(sink: Sink, retail: Retail) -> None:
    channels = f"json://{sink.host}/a json://user:s3cret@127.0.0.1:1/b critical=json://{sink.host}/c"

    tried = retail({"ALERT_CHANNELS": channels}, "alerts", "test", "--severity", "error")

    assert tried.returncode == 1
    lines = tried.stdout.splitlines()
    assert lines[0] == "channel 1 (json): sent"
    assert lines[1].startswith("channel 2 (json): A Connection error occurred")
    assert lines[2] == "channel 3 (json): skipped, it receives critical and higher"
    assert "s3cret" not in tried.stdout + tried.stderr
    assert [path for path, _ in sink.posts] == ["/a"]


@pytest.mark.parametrize(
    ("channels", "reason"),
    [("", "No channel is set"), ("nosuch://s3cret", "channel 1 (nosuch) is not a URL that apprise understands")],
)
def test_without_a_right_channel_the_test_says_what_to_set(channels: str, reason: str, retail: Retail) -> None:
    tried = retail({"ALERT_CHANNELS": channels}, "alerts", "test")

    assert tried.returncode == 2
    assert reason in tried.stderr
    assert "s3cret" not in tried.stderr
