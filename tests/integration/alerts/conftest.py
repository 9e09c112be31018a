"""The rows of ops.alerts, and a receiver of alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
import requests
from psycopg2.extras import RealDictCursor

from monitoring.alerts import delivery
from monitoring.alerts.pauses import Pauses
from tests.fakes.receivers import Mailbox, Sink, http_sink, smtp_mailbox
from tests.integration.cli.conftest import printed, retail

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess

__all__ = ["Mailbox", "Sink", "printed", "retail"]
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
Alerts = Callable[[], list[dict[str, Any]]]


def noon() -> datetime:
    return NOON


@pytest.fixture
def alerts(warehouse: WarehouseAccess) -> Alerts:
    """The rows of ops.alerts."""

    def read() -> list[dict[str, Any]]:
        with psycopg2.connect(warehouse.reader_dsn) as connection:
            cursor = connection.cursor(cursor_factory=RealDictCursor)
            cursor.execute("SELECT * FROM ops.alerts ORDER BY alert_id")
            return [dict(row) for row in cursor.fetchall()]

    return read


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No channel is left out because of an earlier test: on a busy machine, a rejection may take seconds."""
    monkeypatch.setattr(delivery, "PAUSES", Pauses())


@pytest.fixture
def sink() -> Iterator[Sink]:
    with http_sink() as received:
        yield received


@pytest.fixture
def other_peoples_services(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack, Teams and PagerDuty, whose addresses apprise knows, are the sink."""
    from apprise.plugins import pagerduty, slack, workflows

    monkeypatch.setattr(slack.NotifySlack, "webhook_url", f"http://{sink.host}/slack")
    for region in pagerduty.PAGERDUTY_API_LOOKUP:
        monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, region, f"http://{sink.host}/pagerduty")

    class OverHttp:
        codes, RequestException = requests.codes, requests.RequestException

        @staticmethod
        def post(url: str, **more: Any) -> requests.Response:
            return requests.post(url.replace("https://", "http://"), **more)

    monkeypatch.setattr(workflows, "requests", OverHttp)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with smtp_mailbox() as box:
        yield box
