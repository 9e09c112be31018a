"""A DuckDB to read files in: in memory while they are small, on disk beyond, so that memory stays bounded."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

MEMORY_LIMIT = "512MB"
"""What DuckDB may hold in memory; beyond it works on disk."""
MOST_BYTES_IN_MEMORY = 64 * 1024 * 1024
"""Input (as stored; compressed files count ten times) from which the tables stand on disk."""


@contextmanager
def workspace(input_bytes: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own, times in UTC; it and its files are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="retail-files-") as directory:
        folder = Path(directory)
        database = ":memory:" if input_bytes <= MOST_BYTES_IN_MEMORY else str(folder / "workspace.duckdb")
        connection = duckdb.connect(
            database, config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(folder / "spill")}
        )
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            connection.close()
