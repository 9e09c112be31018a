"""The three retailers as processes, one of each for all integration tests of a test process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.fakes.vendors import Vendor, running_vendors

if TYPE_CHECKING:
    from local_stack.postgres import PostgresServer

NOW = datetime(2024, 2, 1, 6, tzinfo=UTC)
VENDOR_SETTINGS = {"RETAILER_TODAY": "2024-02-01T06:00:00Z", "RETAILER_LINES_PER_DAY": "1600"}


@pytest.fixture(scope="session")
def vendor_processes(postgres_server: PostgresServer) -> Iterator[dict[str, Vendor]]:
    databases = {}
    for number in (1, 2, 3):
        name = f"vendor{number}_{uuid4().hex[:8]}"
        databases[number] = postgres_server.create_database(name)
    with running_vendors(databases, VENDOR_SETTINGS) as vendors:
        yield vendors


@pytest.fixture
def vendors(vendor_processes: dict[str, Vendor]) -> Iterator[dict[str, Vendor]]:
    """The three, well behaved at the start of each test, their clocks at 2024-02-01 06:00 UTC."""
    yield vendor_processes
    for vendor in vendor_processes.values():
        vendor.behave()
        vendor.clock(NOW.isoformat())
