"""The three retailers' real APIs, each in a process of its own, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

from local_stack.postgres import free_port
from shared.config import PROJECT_ROOT

ADMIN_TOKEN = "admin"
SECRETS: dict[int, dict[str, str]] = {
    1: {"API_KEY": "key-1"},
    2: {"CLIENT_ID": "client-2", "CLIENT_SECRET": "secret-2"},
    3: {"CLIENT_ID": "client-3", "HMAC_SECRET": "secret-3"},
}


@dataclass(frozen=True)
class Vendor:
    """One running API."""

    number: int
    url: str
    process: subprocess.Popen[bytes]

    @property
    def retailer_id(self) -> str:
        return f"retailer_{self.number}"

    @property
    def environment(self) -> dict[str, str]:
        """What the platform's settings need to reach it."""
        prefix = f"RETAILER{self.number}_"
        secrets = {f"{prefix}{name}": value for name, value in SECRETS[self.number].items()}
        return {f"{prefix}API_URL": self.url, **secrets}

    def faults(self, faults: str) -> None:
        """Switch faults on, in the vendors' notation."""
        self._admin("POST", "/admin/faults", {"faults": faults})

    def fired(self) -> dict[str, int]:
        """How often each fault happened."""
        return {fault["name"]: fault["fired"] for fault in self._admin("GET", "/admin/faults")["faults"]}

    def behave(self) -> None:
        """Switch all faults off."""
        self._admin("DELETE", "/admin/faults")

    def clock(self, now: str) -> None:
        """Stop the vendor's clock at an ISO 8601 time."""
        self._admin("POST", "/admin/clock", {"now": now})

    def _admin(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        return call_admin(self.url, ADMIN_TOKEN, method, path, body)


def call_admin(url: str, token: str, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
    """A retailer's response to a request of its administrator."""
    request = Request(
        url + path,
        method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"X-Admin-Token": token, "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=60) as response:
        return json.loads(response.read() or b"{}")


@contextmanager
def running_vendor(number: int, database_url: str, settings: Mapping[str, str]) -> Iterator[Vendor]:
    """Start one API on its own database and wait until it says that it is ready."""
    port = free_port()
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "DATABASE_URL": database_url,
        "PORT": str(port),
        "RETAILER_ADMIN_TOKEN": ADMIN_TOKEN,
        "RETAILER_PRELOAD": "none",
        "RETAILER_RATE_LIMIT": "0",
        **SECRETS[number],
        **settings,
    }
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", f"retailers.retailer{number}.api.app"],
            cwd=PROJECT_ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        try:
            assert process.stdout is not None
            if b'"ready"' not in process.stdout.readline():
                errors.seek(0)
                raise RuntimeError(f"retailer {number} did not start: {errors.read().decode()[-2000:]}")
            yield Vendor(number, f"http://127.0.0.1:{port}", process)
        finally:
            process.terminate()
            process.wait(timeout=20)
            if process.stdout is not None:
                process.stdout.close()


@contextmanager
def running_vendors(databases: Mapping[int, str], settings: Mapping[str, str]) -> Iterator[dict[str, Vendor]]:
    """Start several, by retailer id."""
    with ExitStack() as stack:
        vendors = [
            stack.enter_context(running_vendor(number, url, settings)) for number, url in sorted(databases.items())
        ]
        yield {vendor.retailer_id: vendor for vendor in vendors}
        for vendor in vendors:
            vendor.process.terminate()  # all before anyone waits for one of them
