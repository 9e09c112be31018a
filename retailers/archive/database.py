"""One retailer's PostgreSQL database: a connection per thread, transactions, and errors if it is unavailable."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

_OPTIONS = "-c jit=off -c max_parallel_workers_per_gather=0"
"""Queries are short and the machine is shared: JIT compilation and parallel workers cost more than they gain."""


class DatabaseUnavailableError(Exception):
    """The database cannot be reached, or the connection was lost. The message says where and why, without secrets."""


def read_sql(folder: Path) -> dict[str, str]:
    """The statements in a folder's .sql files, by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sql"))}


class Database:
    """A database by libpq URI. Each thread keeps one connection and gets a new one after a failure."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._local = threading.local()

    def _connection(self) -> Connection:
        held: Connection | None = getattr(self._local, "connection", None)
        if held is None or held.closed:
            held = psycopg2.connect(self._url, connect_timeout=5, application_name="retailer", options=_OPTIONS)
            self._local.connection = held
        return held

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """A cursor in a transaction, committed at the end or rolled back. Raises DatabaseUnavailableError."""
        try:
            held = self._connection()
            with held, held.cursor() as cursor:
                yield cursor
        except psycopg2.OperationalError as error:
            self.close()
            raise DatabaseUnavailableError(self._where(error)) from error
        except psycopg2.InterfaceError as error:
            self.close()
            raise DatabaseUnavailableError("the connection to the database was lost") from error

    def close(self) -> None:
        """Close this thread's connection."""
        held: Connection | None = getattr(self._local, "connection", None)
        if held is not None:
            held.close()
            self._local.connection = None

    def wait_until_there(
        self,
        timeout_seconds: float,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Connect, retrying for some seconds while the server starts. Raises DatabaseUnavailableError."""
        deadline = now() + timeout_seconds
        while True:
            try:
                with self.transaction() as cursor:
                    cursor.execute("SELECT 1")
                return
            except DatabaseUnavailableError as error:
                starting = "rejected" in str(error) or "starting up" in str(error)
                if not starting or now() >= deadline:
                    raise
                sleep(0.3)

    def _where(self, error: psycopg2.OperationalError) -> str:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return lines[0] if lines else "the connection to the database was lost"
