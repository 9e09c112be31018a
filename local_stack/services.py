"""What runs: command, environment and health check of each service except PostgreSQL."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local_stack.environment import LOOPBACK, RETAILERS, process_environment
from local_stack.layout import Layout
from local_stack.postgres import dsn
from local_stack.s3_server import SERVER_ENVIRONMENT, key_settings
from local_stack.s3_server import responds as s3_responds
from local_stack.s3_signatures import AccessKey

RETAILER_SECRETS = {
    1: {"API_KEY": "retailer1_api_key"},
    2: {"CLIENT_ID": "retailer2_client_id", "CLIENT_SECRET": "retailer2_client_secret"},
    3: {"CLIENT_ID": "retailer3_client_id", "HMAC_SECRET": "retailer3_hmac_secret"},
}


@dataclass(frozen=True)
class Service:
    """One service: how to start it and how to check that it is ready."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    is_ready: Callable[[], bool]
    start_seconds: float = 300.0
    """Airflow takes minutes on a busy machine."""


def s3_service(layout: Layout, port: int, credentials: Mapping[str, str]) -> Service:
    """The S3 API."""
    key = AccessKey(credentials["aws_access_key_id"], credentials["aws_secret_access_key"])
    command = (sys.executable, "-m", "local_stack.s3_server", "--port", str(port), "--directory", str(layout.s3))
    return Service(
        "s3",
        command,
        process_environment(layout.root, {**SERVER_ENVIRONMENT, **key_settings(key)}),
        lambda: s3_responds(f"http://{LOOPBACK}:{port}"),
    )


def retailer_services(
    layout: Layout, ports: Mapping[str, int], credentials: Mapping[str, str], environ: Mapping[str, str]
) -> list[Service]:
    """The three retailers' APIs, each on its own database.

    `RETAILER_X` sets X for all of them, `RETAILER2_X` for one: RETAILER_LINES_PER_DAY, RETAILER2_FAULTS …
    """
    return [_retailer(n, layout, ports, credentials, environ) for n in RETAILERS]


def _retailer(
    n: int, layout: Layout, ports: Mapping[str, int], credentials: Mapping[str, str], environ: Mapping[str, str]
) -> Service:
    name, port = f"retailer{n}", ports[f"retailer{n}"]
    own = {key: value for key, value in environ.items() if key.startswith("RETAILER_")}
    for key, value in environ.items():
        if key.startswith(f"RETAILER{n}_"):
            own[f"RETAILER_{key.removeprefix(f'RETAILER{n}_')}"] = value
    own |= {key: credentials[secret] for key, secret in RETAILER_SECRETS[n].items()}
    own |= {
        "DATABASE_URL": dsn(name, credentials[name], ports["postgres"], name),
        "HOST": LOOPBACK,
        "PORT": str(port),
        "RETAILER_ADMIN_TOKEN": credentials["retailer_admin_token"],
    }
    command = (sys.executable, "-m", f"retailers.{name}.api.app")
    health = f"http://{LOOPBACK}:{port}/health"
    return Service(name, command, process_environment(layout.root, own), lambda: responds(health))


def responds(url: str) -> bool:
    """Whether a GET of this address succeeds."""
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except (OSError, urllib.error.URLError):
        return False
    return True


def available_cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
