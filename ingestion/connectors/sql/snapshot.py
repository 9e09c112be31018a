"""One state of a database: every statement of a `Snapshot` sees it, whatever is committed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ingestion.connectors.sql.address import Address
from ingestion.connectors.sql.columns import Kind
from ingestion.connectors.sql.dialect import Dialect, Row, Timeouts
from ingestion.connectors.sql.queries import Statement
from ingestion.connectors.sql.statements import compiled
from shared.errors import FixConfiguration

ROWS_AT_ONCE = 5_000


@dataclass(frozen=True)
class Snapshot:
    """A transaction that only reads."""

    database: Database
    connection: Any
    as_of: datetime
    """The server's time when it began, UTC."""

    def kinds(self, statement: Statement, names: Sequence[str]) -> Mapping[str, Kind]:
        """The columns of a statement, with the kind of those that are named."""
        with self.database.explained():
            sql, parameters = self._compiled(statement)
            return self.database.dialect.kinds(self.connection, sql, parameters, names)

    def pages(self, statement: Statement) -> Iterator[Sequence[Row]]:
        """The rows of a statement, some thousand at a time."""
        with self.database.explained():
            sql, parameters = self._compiled(statement)
            yield from self.database.dialect.stream(self.connection, sql, parameters, self.database.rows_at_once)

    def rows(self, statement: Statement) -> Iterator[Row]:
        """The same, row by row."""
        for page in self.pages(statement):
            yield from page

    def _compiled(self, statement: Statement) -> Statement:
        return Statement(
            compiled(statement.sql, statement.parameters, pyformat=self.database.dialect.is_pyformat),
            statement.parameters,
        )


class Database:
    """A source's database. Its connection is kept from one snapshot to the next, but for one that was left early."""

    def __init__(self, dialect: Dialect, address: Address, timeouts: Timeouts) -> None:
        self.dialect, self.address, self._timeouts = dialect, address, timeouts
        self.rows_at_once = ROWS_AT_ONCE
        self._idle: Any = None

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Raises an error of the driver as one of the platform's, without the text of a statement or a value."""
        try:
            yield
        except Exception as error:
            fault = self.dialect.fault(error)
            if fault is None:
                raise
            raise fault.error(self.address) from None  # a driver's traceback has the statement and its values

    def begin(self) -> Snapshot:
        """Begin a snapshot. End it with `end`."""
        idle, self._idle = self._idle, None
        with self.explained():
            if idle is not None:
                try:
                    return self._begin(idle)
                except Exception:  # noqa: BLE001 - it has been idle, and a new one says what is wrong
                    _close(idle)
            connection = self._connect()
            try:
                return self._begin(connection)
            except BaseException:
                _close(connection)
                raise

    def end(self, snapshot: Snapshot, *, is_complete: bool) -> None:
        """End a snapshot. `is_complete`: all rows of its statements were read, so that its connection can be kept."""
        if not is_complete:
            _close(snapshot.connection)
            return
        try:
            # What the locks and the old versions of rows are kept for ends here, not with the next snapshot.
            self.dialect.end(snapshot.connection)
        except Exception:  # noqa: BLE001 - nothing of it is needed any more
            _close(snapshot.connection)
            return
        self.close()
        self._idle = snapshot.connection

    def close(self) -> None:
        """Close the connection that is kept."""
        idle, self._idle = self._idle, None
        if idle is not None:
            _close(idle)

    def _connect(self) -> Any:
        try:
            return self.dialect.connect(self.address, self._timeouts)
        except OSError as error:
            if self.dialect.fault(error) is not None or not self.address.tls.ca_file:
                raise
            raise FixConfiguration(
                f"{self.address.source_id}: {self.address.tls.ca_file} is not a file of certificates"
                f" ({error.strerror or error})."
                f" Correct connection.tls.ca_file in sources/{self.address.source_id}.yaml."
            ) from error

    def _begin(self, connection: Any) -> Snapshot:
        now = datetime.fromisoformat(self.dialect.begin(connection, self._timeouts))
        return Snapshot(self, connection, now.astimezone(UTC))


def _close(connection: Any) -> None:
    with suppress(Exception):  # it may be lost already
        connection.close()
