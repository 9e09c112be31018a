"""The retailers, warehouse and S3 of ingestion's tests, the `retail` command, and a receiver of OpenLineage events."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.integration.cli.conftest import make_platform, platform, printed, retail

__all__ = ["make_platform", "platform", "printed", "retail"]


@dataclass
class Receiver:
    """A server that keeps what it is sent."""

    url: str
    events: list[dict[str, Any]] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)

    def states(self) -> list[tuple[str, str]]:
        return [(event["job"]["name"], event["eventType"]) for event in self.events]

    def last(self, job: str, state: str = "COMPLETE") -> dict[str, Any]:
        return [event for event in self.events if (event["job"]["name"], event["eventType"]) == (job, state)][-1]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.events.append(json.loads(body))
            kept.paths.add(self.path)
            self.send_response(201)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()
