"""A vendor whose replies are defined by the test, over real HTTP."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request that the vendor received."""

    method: str
    path: str
    """With its query, as sent."""
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """The vendor's reply to a request."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    announced: int | None = None
    """Content-Length, if it differs from the body's length."""
    drip_seconds: float = 0
    """Pause before each byte of the body; of a reply in bytes, before what is repeated."""
    pause_seconds: float = 0
    """Pause before the reply begins."""
    sent: bytes | None = None
    """The complete reply in bytes, in place of a status, headers and a body. The connection is closed after it."""
    repeated: bytes = b""
    """Is sent after `sent` again and again, for as long as the client reads it."""


def reply(value: Any, **headers: str) -> Reply:
    """A 200 with this JSON."""
    return Reply(body=json.dumps(value).encode(), headers=headers)


@dataclass
class HttpVendor:
    """A running vendor; `requests` are those it received."""

    url: str
    requests: list[Request] = field(default_factory=list)
    connections: int = 0


@contextmanager
def http_vendor(replies: Callable[[Request], Reply] | Sequence[Reply]) -> Iterator[HttpVendor]:
    """Serve `replies`: a function of the request, or a sequence of replies, of which the last one is repeated."""
    script = list(replies) if isinstance(replies, Sequence) else []
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
                vendor.requests.append(request)
                given = replies(request) if callable(replies) else script.pop(0) if len(script) > 1 else script[0]
            time.sleep(given.pause_seconds)
            if given.sent is not None:
                self._send_bytes(given.sent, given.repeated, given.drip_seconds)
                return
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

        def _send_bytes(self, sent: bytes, repeated: bytes, pause_seconds: float) -> None:
            self.close_connection = True
            with suppress(OSError):
                self.wfile.write(sent)
                while repeated:
                    time.sleep(pause_seconds)
                    self.wfile.write(repeated)

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
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield vendor
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def dripping(sent: bytes, repeated: bytes, *, reads_request: bool = True) -> Iterator[str]:
    """The URL of a server that sends the one text and then the other, again and again, until the block ends."""
    server = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            while not stopped.is_set():
                connection, _ = server.accept()
                threading.Thread(target=drip, args=(connection,), daemon=True).start()

    def drip(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if reads_request:
                connection.recv(65_536)
            connection.sendall(sent)
            while not stopped.wait(0.02):
                connection.sendall(repeated)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    finally:
        stopped.set()
        server.close()
