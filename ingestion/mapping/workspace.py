"""A DuckDB database for reading rows: bounded memory whatever their size, the rest in temporary files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from shared.scratch import scratch_directory, unwritable

MEMORY_MB = 512
"""What DuckDB may keep in memory; larger tables spill to disk.

A database file would be compressed as it is written, which takes a fifth more processor time for 5.4 million rows.
"""


@contextmanager
def workspace(memory_mb: int = MEMORY_MB, threads: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with times in UTC. It is closed and its files are deleted at the end of the block.

    Raises FixConfiguration if a disk is full within the block.

    `threads`: how many DuckDB uses; None: as many as there are processors.
    """
    with scratch_directory() as directory:
        threaded = {} if threads is None else {"threads": str(threads)}
        config = {"memory_limit": f"{memory_mb}MB", "temp_directory": str(directory), **threaded}
        connection = duckdb.connect(config={**config})
        try:
            # DuckDB prints one for slow statements in a process that it takes for an interactive one.
            connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
            yield connection
        except (duckdb.Error, OSError) as error:
            if full := unwritable(error):
                raise full from error
            raise
        finally:
            connection.close()
