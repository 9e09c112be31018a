"""The servers of the tills in databases. Each is started when the first test needs it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from shared.config import PROJECT_ROOT
from tests.fakes.databases.till import Till

if TYPE_CHECKING:
    from tests.fakes.mariadb import MariaDbServer


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDbServer]:
    """One throwaway server for the session."""
    from tests.fakes.mariadb import throwaway_mariadb

    with throwaway_mariadb(PROJECT_ROOT / ".local" / "mariadb") as server:
        yield server


@pytest.fixture(scope="session")
def mssql_url() -> str:
    """A database of SQL Server, which cannot be installed for the tests."""
    if not (url := os.environ.get("MSSQL_TEST_URL")):
        pytest.skip("MSSQL_TEST_URL names no SQL Server")
    return url


@pytest.fixture(scope="session")
def mongodb_url() -> str:
    """A server of MongoDB, which cannot be installed for the tests."""
    if not (url := os.environ.get("MONGODB_TEST_URL")):
        pytest.skip("MONGODB_TEST_URL names no MongoDB")
    return url


@pytest.fixture(autouse=True)
def _server_of_the_till(request: pytest.FixtureRequest) -> None:
    """Start the server of a test that is run with a till."""
    call = getattr(request.node, "callspec", None)
    given = call.params.get("api") if call else None
    if isinstance(given, type) and issubclass(given, Till) and given.server_fixture:
        given.server = request.getfixturevalue(given.server_fixture)
