"""Unit tests start no server, so that `make check` takes a minute."""

from __future__ import annotations

from pathlib import Path

import pytest

SERVERS = {"postgres_server", "s3_server"}
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Reject a unit test that uses a server."""
    ours = (item for item in items if HERE in item.path.parents and isinstance(item, pytest.Function))
    if wrong := sorted(item.nodeid for item in ours if SERVERS & set(item.fixturenames)):
        raise pytest.UsageError(f"{', '.join(wrong)}: tests that need a server belong in tests/integration")
