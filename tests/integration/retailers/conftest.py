"""Real retailers for the tests: Flask under waitress, each on its own database, over HTTP."""

from __future__ import annotations

import importlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import requests
import waitress

from retailers.serving.settings import read_settings
from tests.integration.retailers.clients import CLIENTS, TIMEOUT

if TYPE_CHECKING:
    from local_stack.postgres import PostgresServer

SECRETS = {"API_KEY": "key", "CLIENT_ID": "client", "CLIENT_SECRET": "secret", "HMAC_SECRET": "secret"}
SMALL = {
    "RETAILER_PRELOAD": "none",
    "RETAILER_RATE_LIMIT": "0",
    "RETAILER_LINES_PER_DAY": "300",
    "RETAILER_TODAY": "2024-03-01",
}
ADMIN = {"X-Admin-Token": "admin"}


@dataclass
class RunningRetailer:
    """A retailer that responses; `client` reads it."""

    url: str
    client: Any
    dsn: str
    environment: dict[str, str]

    def admin(self, method: str, path: str, **body: object) -> Any:
        response = requests.request(method, self.url + path, headers=ADMIN, json=body or None, timeout=TIMEOUT)
        response.raise_for_status()
        return response.json()

    def set_clock(self, time: datetime | None) -> None:
        self.admin("POST", "/admin/clock", now=time.isoformat() if time else None)

    def faults(self, text: str) -> None:
        self.admin("DELETE", "/admin/faults")
        if text:
            self.admin("POST", "/admin/faults", faults=text)


Start = Callable[..., RunningRetailer]


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def start(postgres_server: PostgresServer) -> Iterator[Start]:
    """Starts retailer 1, 2 or 3: by default small, with the clock stopped at 2024-03-01. Ends them with the module."""
    stops: list[Callable[[], None]] = []
    databases: list[str] = []

    def start(number: int, dsn: str | None = None, **changed: str) -> RunningRetailer:
        if dsn is None:
            databases.append(f"retailer{number}_{uuid4().hex[:10]}")
            dsn = postgres_server.create_database(databases[-1])
        environment = {**SECRETS, **SMALL, "RETAILER_ADMIN_TOKEN": "admin", "DATABASE_URL": dsn, **changed}
        app = importlib.import_module(f"retailers.retailer{number}.api.app")
        settings = read_settings(app.MARKET, app.PORT, app.SECRETS, environment)
        server = waitress.create_server(app.create_app(settings), host="127.0.0.1", port=0, threads=4)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()

        def stop() -> None:
            server.close()
            server.task_dispatcher.shutdown(timeout=5)

        stops.append(stop)
        url = f"http://127.0.0.1:{server.effective_port}"
        return RunningRetailer(url, CLIENTS[number](url), dsn, environment)

    yield start
    for stop in stops:
        stop()
    for name in databases:
        postgres_server.drop_database(name)


@pytest.fixture(scope="module", params=[1, 2, 3], ids=["retailer_1", "retailer_2", "retailer_3"])
def retailer(request: pytest.FixtureRequest, start: Start) -> RunningRetailer:
    """Each of the three in turn, shared by the tests of a module."""
    return start(request.param)


@pytest.fixture(autouse=True)
def _as_started(request: pytest.FixtureRequest) -> Iterator[None]:
    """A shared retailer has no faults and its own time again after each test."""
    yield
    if "retailer" in request.fixturenames:
        shared: RunningRetailer = request.getfixturevalue("retailer")
        shared.faults("")
        shared.set_clock(datetime.fromisoformat("2024-03-01T12:00:00+00:00"))
