"""What differs between databases: how to connect, begin a snapshot, and stream; and what an error means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ingestion.connectors.sql.address import Address
from ingestion.connectors.sql.columns import Bound, Kind
from shared.errors import FixConfiguration, RetailError, RetryLater, StopRun

Row = Sequence[str | None]
Parameters = Mapping[str, Bound]
_SHOWN_CHARACTERS = 300


@dataclass(frozen=True)
class Timeouts:
    """How long may be waited."""

    connect_seconds: float
    statement_minutes: float

    @property
    def statement_ms(self) -> int:
        """For settings in milliseconds; never 0, which means without end."""
        return max(1, round(self.statement_minutes * 60_000))


class Dialect(Protocol):
    """One kind of database. `connection` is a connection of its driver."""

    @property
    def is_pyformat(self) -> bool:
        """Whether the driver's parameters are `%(name)s` instead of `:name`."""

    def quote(self, name: str) -> str:
        """A quoted name."""

    def minute(self, column: str, kind: Kind) -> str:
        """SQL of the minute of a quoted column's time, so that rows can be grouped."""

    def between(self, column: str, kind: Kind) -> str:
        """SQL condition: a quoted column is from `:start` to before `:end`."""

    def since(self, column: str, kind: Kind) -> str:
        """SQL condition: a quoted column is `:since` or later."""

    def latest(self, column: str, kind: Kind) -> str:
        """SQL of the latest time of a quoted column."""

    def exact_sum(self, column: str) -> str:
        """SQL of the sum of a quoted column of amounts, without the errors of a float."""

    def connect(self, address: Address, timeouts: Timeouts) -> Any:
        """A new connection. Raises what the driver raises."""

    def begin(self, connection: Any, timeouts: Timeouts) -> str:
        """Begin a transaction that only reads and sees one state of the database: the server's UTC time before it."""

    def end(self, connection: Any) -> None:
        """End the transaction."""

    def kinds(self, connection: Any, sql: str, parameters: Parameters, names: Sequence[str]) -> Mapping[str, Kind]:
        """The columns of a statement. `names`: those whose kind is wanted, where it is not known without reading."""

    def stream(self, connection: Any, sql: str, parameters: Parameters, rows_at_once: int) -> Iterator[Sequence[Row]]:
        """The rows of a statement as texts, with so many in memory at once."""

    def fault(self, error: Exception) -> Fault | None:
        """What an error of the driver means; None if it is not known."""


class ComparedAsStored:
    """The part of a `Dialect` whose times are compared as they are, whatever their kind."""

    def between(self, column: str, kind: Kind) -> str:
        """See `Dialect`."""
        return f"{column} >= :start AND {column} < :end"

    def since(self, column: str, kind: Kind) -> str:
        """See `Dialect`."""
        return f"{column} >= :since"

    def latest(self, column: str, kind: Kind) -> str:
        """See `Dialect`."""
        return f"max({column})"


@dataclass(frozen=True)
class Fault:
    """An error of a database."""

    explain: Callable[[Address, str], RetailError]
    detail: str = ""

    def error(self, address: Address) -> RetailError:
        """As one of the platform's errors."""
        return self.explain(address, _one_line(self.detail))


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}…"


def unreachable(address: Address, detail: str) -> RetailError:
    """No server responds."""
    return RetryLater(
        f"{address.source_id}: no database responds at {address.shown} ({detail})."
        f" Start it, or correct {address.url_setting}."
    )


def lost(address: Address, detail: str) -> RetailError:
    """The connection ended."""
    return RetryLater(
        f"{address.source_id}: the connection to the database at {address.shown} was lost ({detail}). Run again."
    )


def rejected_login(address: Address, detail: str) -> RetailError:
    """User or password is wrong."""
    return FixConfiguration(
        f"{address.source_id}: the database at {address.shown} rejected our credentials ({detail})."
        f" Correct {address.auth_setting}, then run: retail sources check {address.source_id}"
    )


def unknown_database(address: Address, detail: str) -> RetailError:
    """There is no such database."""
    return FixConfiguration(
        f"{address.source_id}: there is no database {address.shown} ({detail}). Correct {address.url_setting}."
    )


def wrong_tls(address: Address, detail: str) -> RetailError:
    """Encryption is not as it should be."""
    return FixConfiguration(
        f"{address.source_id}: the encrypted connection to {address.shown} failed ({detail})."
        f" Correct connection.tls in sources/{address.source_id}.yaml (docs/connectors/databases.md)."
    )


def wrong_query(address: Address, detail: str) -> RetailError:
    """A table, a column or the syntax of the query is wrong."""
    return FixConfiguration(
        f"{address.source_id}: the database does not accept the query ({detail})."
        f" Correct `read` in sources/{address.source_id}.yaml."
    )


def forbidden(address: Address, detail: str) -> RetailError:
    """The user lacks a right."""
    return FixConfiguration(
        f"{address.source_id}: the user of the database may not read this ({detail})."
        " Grant SELECT on it (docs/connectors/databases.md)."
    )


def too_slow(address: Address, detail: str) -> RetailError:
    """The statement took longer than allowed."""
    return RetryLater(
        f"{address.source_id}: a query took longer than INGEST_LISTING_MINUTES and was ended ({detail})."
        " Create an index on the column of the date, or raise that setting."
    )


def ended(address: Address, detail: str) -> RetailError:
    """The server ended a statement for a reason that may pass, such as a lock or a standby's conflict."""
    return RetryLater(
        f"{address.source_id}: the database at {address.shown} ended a statement ({detail}). Run again later."
    )


def wrong_values(address: Address, detail: str) -> RetailError:
    """The query fails on the data."""
    return StopRun(
        f"{address.source_id}: the query fails on the data ({detail})."
        f" Correct the data, or `read` in sources/{address.source_id}.yaml."
    )


def without_driver(address: Address, detail: str) -> RetailError:
    """The driver is not installed."""
    return FixConfiguration(f"{address.source_id}: {detail} is not installed. Run: .venv/bin/pip install {detail}")
