"""ops.unfinished_runs: the runs of commands that have started and have not finished.

The row is written before the run publishes anything, and deleted when everything that follows a publication is done. A
run that was killed therefore leaves its row, whatever instant it was killed at. Its session holds an advisory lock, so
a run that is active is not mistaken for one that was killed. In Airflow, retries do what this does for commands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from types import TracebackType

import psycopg2

from shared.database import Connection, Cursor, connect, lock_key, transaction
from shared.errors import RetailError
from shared.logs import get_logger

log = get_logger(__name__)
_APPLICATION = "retail-run-record"
_INSERT = """
    INSERT INTO ops.unfinished_runs (run_id, command, business_date, retailers, refreshes_views, started_at)
    VALUES (%s, %s, %s, %s, %s, %s)
"""
_SELECT = """
    SELECT run_id, command, business_date, retailers, refreshes_views
    FROM ops.unfinished_runs
    WHERE run_id = coalesce(%s, run_id)
    ORDER BY started_at, run_id
"""
_DELETE = """
    DELETE FROM ops.unfinished_runs
    WHERE run_id = %(run_id)s
        AND (%(is_finished)s OR NOT EXISTS (SELECT FROM ops.data_versions WHERE run_id = %(run_id)s))
"""


@dataclass(frozen=True)
class UnfinishedRun:
    """A run of a command: what has to follow its publication."""

    run_id: str
    command: str
    """`run`, `etl`, `transform` or `rebuild`."""
    business_date: date
    retailers: tuple[str, ...] = ()
    """Those that the command named; empty when it was for all that are due."""
    refreshes_views: bool = False


class RunRecord:
    """Keeps the row and the lock of one run, from `begin` to the end of a `with` block."""

    def __init__(self, dsn: str, *, clock: Callable[[], datetime]) -> None:
        self._dsn, self._clock = dsn, clock
        self._run: UnfinishedRun | None = None
        self._connection: Connection | None = None
        self.is_finished = False
        """Set it when everything that follows the publication is done, or need not be done."""

    def __enter__(self) -> RunRecord:
        """Do nothing: an error of `begin` belongs to the work in the block, with its alerts."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Delete the row, unless something is left to do after a publication. Never raises.

        When the warehouse does not respond, the row stays, and the next run finds that nothing is left to do.
        """
        if self._run is None or self._connection is None:
            return
        try:
            if self._connection.closed:
                self._connection = self._connect()
            with transaction(self._connection) as cursor:
                delete(cursor, self._run.run_id, is_finished=self.is_finished)
        except (RetailError, psycopg2.Error) as failed:
            log.info("the run could not be recorded as finished", run_id=self._run.run_id, reason=str(failed))
        finally:
            self._connection.close()

    def begin(self, run: UnfinishedRun) -> list[UnfinishedRun]:
        """Write the row; the other runs that have one, active or killed.

        Raises RetailError; then the run must not go on, since nobody would finish it.
        """
        self._connection, self._run = self._connect(), run
        with transaction(self._connection) as cursor:
            others = unfinished_runs(cursor)
            try_lock(cursor, run.run_id)  # before others can see the row
            cursor.execute(
                _INSERT,
                (
                    run.run_id,
                    run.command,
                    run.business_date,
                    list(run.retailers),
                    run.refreshes_views,
                    self._clock(),
                ),
            )
        return others

    def _connect(self) -> Connection:
        return connect(self._dsn, application_name=_APPLICATION)


def unfinished_runs(cursor: Cursor, run_id: str | None = None) -> list[UnfinishedRun]:
    """All runs that have a row, the oldest first, or only this one: also those that are active."""
    cursor.execute(_SELECT, (run_id,))
    return [
        UnfinishedRun(found, command, day, tuple(retailers), refreshes_views)
        for found, command, day, retailers, refreshes_views in cursor.fetchall()
    ]


def try_lock(cursor: Cursor, run_id: str) -> bool:
    """Take the lock of a run for this session; False when another session has it, so that the run is active."""
    cursor.execute("SELECT pg_try_advisory_lock(%s)", (lock_key("run", run_id),))
    row = cursor.fetchone()
    return bool(row and row[0])


def unlock(cursor: Cursor, run_id: str) -> None:
    """Give the lock back."""
    cursor.execute("SELECT pg_advisory_unlock(%s)", (lock_key("run", run_id),))


def delete(cursor: Cursor, run_id: str, *, is_finished: bool = True) -> None:
    """Delete the row of a run that is finished, or that has published nothing."""
    cursor.execute(_DELETE, {"run_id": run_id, "is_finished": is_finished})
