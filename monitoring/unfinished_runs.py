"""ops.unfinished_runs: the runs of commands that have started and have not finished.

The row is written before the run publishes anything, and deleted when everything that follows a publication is done. A
run that was killed therefore leaves its row, whatever instant it was killed at. Its session holds an advisory lock, so
a run that is active is not mistaken for one that was killed. In Airflow, retries do what this does for commands.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import TracebackType

import psycopg2

from shared.database import Connection, Cursor, connect, lock_key, read_sql, transaction
from shared.errors import RetailError
from shared.logs import get_logger
from shared.parallel import is_any_running
from shared.schema_version import reject_newer_schema

log = get_logger(__name__)
_APPLICATION = "retail-run-record"
_SQL = Path(__file__).parent / "sql"
HOW_TO_FINISH = (
    "The next retail run, retail etl or daily maintenance does what is left. Now: retail maintenance unfinished"
)
"""What a command says that has published and did not finish."""


@dataclass(frozen=True)
class UnfinishedRun:
    """A run of a command: what has to follow its publication."""

    run_id: str
    command: str
    """`run`, `etl`, `transform`, `rebuild` or `files`."""
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
        self.is_kept = False
        """After the block: whether the row stays, because something is left to do after a publication."""

    def __enter__(self) -> RunRecord:
        """Do nothing: an error of `begin` belongs to the work in the block, with its alerts."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Delete the row, unless something is left to do after a publication. Never raises.

        An error of the block gets `HOW_TO_FINISH` as a note if the row stays. It also stays after an interrupt that
        left threads at work, since one of them may be about to commit. The next run deletes it if none did.
        """
        if self._connection is None:
            return
        if self._run is not None:
            is_interrupted = kind is not None and not issubclass(kind, Exception)
            self.is_kept = (is_interrupted and is_any_running()) or not self._delete(self._run.run_id)
        self._connection.close()
        if self.is_kept and error is not None:
            error.add_note(HOW_TO_FINISH)

    def begin(self, run: UnfinishedRun) -> None:
        """Write the row. Raises RetailError; then the run must not go on, since nobody would finish it."""
        self._connection = self._connect()
        with transaction(self._connection) as cursor:
            reject_newer_schema(cursor)
            try_lock(cursor, run.run_id)  # before others can see the row
            values = {name: getattr(run, name) for name in run.__dataclass_fields__}
            cursor.execute(
                read_sql(_SQL / "insert_unfinished_run.sql"),
                {**values, "retailers": list(run.retailers), "now": self._clock()},
            )
        self._run = run

    def _delete(self, run_id: str) -> bool:
        """Delete the row; False if something is left to do.

        The connection may have been lost unnoticed, for example when the server was restarted; then another is opened.
        When the warehouse does not respond, the row stays, and the next run finds what is left to do.
        """
        try:
            return self._delete_over(self._connection, run_id)
        except (RetailError, psycopg2.Error) as lost:
            log.info("the record of the run is deleted over another connection", run_id=run_id, reason=str(lost))
        try:
            with closing(self._connect()) as connection:
                return self._delete_over(connection, run_id)
        except (RetailError, psycopg2.Error) as failed:
            log.warning("the run could not be recorded as finished", run_id=run_id, reason=str(failed))
            return self.is_finished

    def _delete_over(self, connection: Connection | None, run_id: str) -> bool:
        if connection is None:
            return False
        with transaction(connection) as cursor:
            delete(cursor, run_id, is_finished=self.is_finished)
            return bool(cursor.rowcount) or not unfinished_runs(cursor, run_id)

    def _connect(self) -> Connection:
        return connect(self._dsn, application_name=_APPLICATION)


def unfinished_runs(cursor: Cursor, run_id: str | None = None) -> list[UnfinishedRun]:
    """All runs that have a row, the oldest first, or only this one: also those that are active."""
    cursor.execute(read_sql(_SQL / "unfinished_runs.sql"), {"run_id": run_id})
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
    cursor.execute(read_sql(_SQL / "delete_unfinished_run.sql"), {"run_id": run_id, "is_finished": is_finished})
