"""A DuckDB to read files in: memory bounded whatever their size, the rest in files of its own that go with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

MEMORY_LIMIT = "512MB"
"""What DuckDB may hold in memory; beyond it puts tables on disk.

A database file instead would be compressed as it is written: a fifth more processor time for 5.4 million rows.
"""


@contextmanager
def workspace() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own, times in UTC; it and its files are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="retail-files-") as directory:
        connection = duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "temp_directory": directory})
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            connection.close()
