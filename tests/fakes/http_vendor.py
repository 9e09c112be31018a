"""A vendor whose answers are written by the test, over real HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """What the vendor was asked."""

    method: str
    path: str
    """With its query, as sent."""
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What it answers."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    announced: int | None = None
    """Content-Length, when it is not the body's."""
    drip_seconds: float = 0
    """Pause before each byte."""
    pause_seconds: float = 0
    """Pause before the answer begins."""


def reply(value: Any, **headers: str) -> Reply:
    """A 200 with this JSON."""
    return Reply(body=json.dumps(value).encode(), headers=headers)


@dataclass
class HttpVendor:
    """A running vendor; `asked` is all it was asked."""

    url: str
    asked: list[Request] = field(default_factory=list)
    connections: int = 0


@contextmanager
def http_vendor(answer: Callable[[Request], Reply] | Sequence[Reply]) -> Iterator[HttpVendor]:
    """Serve `answer`: a function of the request, or replies one after the other (the last one for ever)."""
    script = list(answer) if isinstance(answer, Sequence) else []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            vendor.connections += 1

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            request = Request(self.command, self.path, dict(self.headers), self.rfile.read(length))
            with lock:
                vendor.asked.append(request)
                given = answer(request) if callable(answer) else script.pop(0) if len(script) > 1 else script[0]
            time.sleep(given.pause_seconds)
            self.send_response(given.status)
            self.send_header("Content-Type", given.content_type)
            self.send_header("Content-Length", str(len(given.body) if given.announced is None else given.announced))
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self._send(given)
            except OSError:
                self.close_connection = True
            if given.announced is not None:
                self.close_connection = True

        do_POST = do_PATCH = do_GET  # noqa: N815 - the names that http.server looks for

        def _send(self, given: Reply) -> None:
            if not given.drip_seconds:
                self.wfile.write(given.body)
                return
            for byte in given.body:
                time.sleep(given.drip_seconds)
                self.wfile.write(bytes([byte]))
                self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    vendor = HttpVendor(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield vendor
    finally:
        server.shutdown()
        server.server_close()
