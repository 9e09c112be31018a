"""Receivers that play the channels of alerts: an SMTP server, and an HTTP server for everybody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from local_stack.postgres import free_port


@dataclass
class Sink:
    """What was posted, and how the server responds."""

    port: int
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Path and JSON body, in the order of arrival."""
    status: int = 200
    unresponsive: Event = field(default_factory=Event)
    """While set, requests get no response until it is released."""
    released: Event = field(default_factory=Event)

    @property
    def host(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was posted."""
        return [body for _, body in self.posts]


@contextmanager
def http_sink() -> Iterator[Sink]:
    """An HTTP server that takes every POST."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.posts.append((self.path, json.loads(body)))
            if received.unresponsive.is_set():
                received.released.wait(30)
            self.send_response(received.status)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the library
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Sink(server.server_port)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield received
    received.released.set()
    server.shutdown()
    server.server_close()


@dataclass
class Mailbox:
    """What an SMTP server took."""

    port: int
    mails: list[Message] = field(default_factory=list)

    @property
    def subjects(self) -> list[str]:
        """Of the mails, in the order of arrival."""
        return [str(mail["Subject"]) for mail in self.mails]

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a mail."""
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


@contextmanager
def smtp_mailbox() -> Iterator[Mailbox]:
    """An SMTP server."""
    from aiosmtpd.controller import Controller

    box = Mailbox(free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    controller.stop()
