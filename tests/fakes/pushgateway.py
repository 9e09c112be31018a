"""A Pushgateway that keeps what was pushed, over real HTTP."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

_JOB = "/metrics/job/retail_pipeline"


class Gateway:
    """What was pushed and not deleted since; `status` is the status of its responses to a push."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.methods: list[str] = []
        self.groups: dict[str, dict[str, float]] = {}
        """The series of each group, as `/retailer/retailer_1/stage/ingest: {series: value}`."""
        self.deleted: list[str] = []

    def group(self, stage: str, retailer: str = "") -> dict[str, float]:
        """Everything pushed for a stage and retailer."""
        return self.groups.get(f"/retailer/{retailer}/stage/{stage}" if retailer else f"/stage/{stage}", {})

    def receive(self, method: str, path: str, body: str) -> int:
        """Handle one request; returns the status of the response."""
        self.methods.append(method)
        group = unquote(path).removeprefix(_JOB)
        if method == "DELETE":
            self.groups.pop(group, None)
            self.deleted.append(group)
            return 202
        samples = re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", body, flags=re.MULTILINE)
        pushed = {series.partition("{")[0] for series, _ in samples}  # a push replaces all series of a metric
        kept = {
            name: value for name, value in self.groups.get(group, {}).items() if name.partition("{")[0] not in pushed
        }
        self.groups[group] = kept | {series: float(value) for series, value in samples}
        return self.status


@contextmanager
def pushgateway() -> Iterator[Gateway]:
    """A gateway at `url`."""
    gateway = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self.send_response(gateway.receive(self.command, self.path, body))
            self.end_headers()

        def do_DELETE(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        gateway.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield gateway
        server.shutdown()
