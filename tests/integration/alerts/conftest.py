"""Receivers that play the channels: an SMTP server, and an HTTP server for everybody else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
import requests
from psycopg2.extras import RealDictCursor

from local_stack.postgres import free_port
from tests.integration.cli.conftest import printed, retail

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess

__all__ = ["printed", "retail"]
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
Alerts = Callable[[], list[dict[str, Any]]]


def noon() -> datetime:
    return NOON


@pytest.fixture
def alerts(warehouse: WarehouseAccess) -> Alerts:
    """What stands in ops.alerts."""

    def read() -> list[dict[str, Any]]:
        with psycopg2.connect(warehouse.reader_dsn) as connection:
            cursor = connection.cursor(cursor_factory=RealDictCursor)
            cursor.execute("SELECT * FROM ops.alerts ORDER BY alert_id")
            return [dict(row) for row in cursor.fetchall()]

    return read


@dataclass
class Sink:
    """What was posted, and how the server answers."""

    port: int
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Path and JSON body, in the order of arrival."""
    status: int = 200
    silent: Event = field(default_factory=Event)
    """While set, it takes requests and answers none until it is released."""
    released: Event = field(default_factory=Event)

    @property
    def host(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was posted."""
        return [body for _, body in self.posts]


@pytest.fixture
def sink() -> Iterator[Sink]:
    """An HTTP server that takes every POST."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.posts.append((self.path, json.loads(body)))
            if received.silent.is_set():
                received.released.wait(30)
            self.send_response(received.status)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the library
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Sink(server.server_port)
    Thread(target=server.serve_forever, daemon=True).start()
    yield received
    received.released.set()
    server.shutdown()
    server.server_close()


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


@dataclass
class Mailbox:
    """What an SMTP server took."""

    port: int
    mails: list[Message] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a mail."""
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """An SMTP server."""
    from aiosmtpd.controller import Controller

    box = Mailbox(free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    controller.stop()
