"""Reads the sales of a source from a database, by its definition (docs/connectors/databases.md).

A date is read in one snapshot: the control report, which the database itself calculates, and the lines.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from ingestion.connectors.protocol import Changes, RawPage, Runtime
from ingestion.connectors.sql.address import address_of
from ingestion.connectors.sql.changes import ChangedDates
from ingestion.connectors.sql.columns import Kind, zone_of
from ingestion.connectors.sql.definition import check_columns, check_definition
from ingestion.connectors.sql.dialect import Timeouts
from ingestion.connectors.sql.dialects import dialect_of
from ingestion.connectors.sql.mapping import selected_columns
from ingestion.connectors.sql.queries import Kinds, Queries
from ingestion.connectors.sql.rows import RowReader
from ingestion.connectors.sql.snapshot import Database, Snapshot
from ingestion.connectors.sql.statements import Selection
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.single_rows import SingleRows
from ingestion.mapping.tables import table_mapping
from ingestion.models.retailer_data import SalesRecord
from shared.config import IngestSettings
from shared.errors import StopRun
from shared.partitions import ControlReport
from shared.sources.connection import Connection
from shared.sources.databases import LATE_COMMIT_MINUTES
from shared.sources.definition import SourceDefinition

Raw = dict[str, Any]


class Snapshots(Protocol):
    """A database that can be read in snapshots."""

    rows_at_once: int

    def begin(self) -> Any:
        """Begin a snapshot. End it with `end`."""

    def end(self, snapshot: Any, *, is_complete: bool) -> None:
        """End a snapshot. `is_complete`: all that was requested from it was read."""

    def close(self) -> None:
        """Close the connections that are kept."""


class Statements(Protocol):
    """The statements for a snapshot. `kinds` has what `SnapshotConnector._kinds` found."""

    def first(self, kinds: Any, day: date) -> Any:
        """A row of a date, if it has one."""

    def report(self, kinds: Any, day: date) -> Any:
        """Currency, lines and net amount of a date; the currency is null where it is a constant."""

    def changes(self, kinds: Any, since: datetime) -> Any:
        """Each minute with rows that changed since then, and their latest change."""


class SnapshotConnector(ABC):
    """A connector of databases. A date is read in one snapshot: its control report, then its lines."""

    listing_path = ""

    def __init__(
        self, source: SourceDefinition, mapping: SourceMapping, database: Snapshots, queries: Statements
    ) -> None:
        self.retailer_id, self.mapping = source.id, mapping
        self._source, self._read, self._zone = source, source.read, zone_of(source)
        self._database, self._queries = database, queries
        self._only_currency = mapping.columns["currency"].value
        self._margin = timedelta(minutes=self._read.late_commit_margin or LATE_COMMIT_MINUTES)
        self._single_rows = SingleRows(self.mapping)
        self._open: tuple[date, Any, Any] | None = None
        """The snapshot of a control report whose lines were not read yet, and its kinds."""

    @abstractmethod
    def _kinds(self, snapshot: Any, day: date) -> Any:
        """What there is to be read. Raises FixConfiguration if something is missing."""

    @abstractmethod
    def _pages(self, snapshot: Any, kinds: Any, day: date) -> Iterator[RawPage[Raw]]:
        """The lines of a date; one empty page if there are none."""

    def _kind(self, kinds: Any, name: str | None) -> Kind:
        """The kind of a column with a time."""
        found: Kind = kinds[name]
        return found

    def check(self, day: date) -> None:
        """See `Connector.check`: the columns are there, and a line of the date can be read."""
        snapshot = self._database.begin()
        try:
            next(snapshot.rows(self._queries.first(self._kinds(snapshot, day), day)), None)
        finally:
            self._database.end(snapshot, is_complete=False)

    def fetch_sales_data(self, day: date) -> Iterator[RawPage[Raw]]:
        """The lines of `day`, in the snapshot of its control report if that was not read yet."""
        opened, self._open = self._open, None
        if opened and opened[0] != day:
            self._database.end(opened[1], is_complete=True)
            opened = None
        snapshot = opened[1] if opened else self._database.begin()
        is_complete = False
        try:
            kinds = opened[2] if opened else self._kinds(snapshot, day)
            yield from self._pages(snapshot, kinds, day)
            is_complete = True
        finally:
            self._database.end(snapshot, is_complete=is_complete)

    def normalize_sales_record(self, raw: Raw) -> SalesRecord:
        """A row as a `SalesRecord`. Raises RejectRecord."""
        return self._single_rows.record(raw)

    def daily_report(self, day: date) -> ControlReport | None:
        """The lines and amounts of `day`, counted and added up by the database; None without `net_amount`."""
        if self._read.net_amount is None:
            return None
        self._drop_snapshot()
        snapshot = self._database.begin()
        try:
            kinds = self._kinds(snapshot, day)
            report = self._report(day, list(snapshot.rows(self._queries.report(kinds, day))))
        except BaseException:
            self._database.end(snapshot, is_complete=False)
            raise
        self._open = (day, snapshot, kinds)
        return report

    def list_changes(self, since: datetime) -> Changes | None:
        """See `list_changes_from`, which the platform uses."""
        return self.list_changes_from(since, None)

    def list_changes_from(self, since: datetime, position: str | None) -> Changes | None:
        """The dates with rows that changed since then, or whose key is above `position`.

        None without `changed_by` and `incrementing_key`. A deleted row leaves no trace.
        """
        if self._read.changed_by is None and self._read.incrementing_key is None:
            return None
        self._drop_snapshot()
        snapshot = self._database.begin()
        is_complete = False
        try:
            kinds = self._kinds(snapshot, since.date())
            changed = ChangedDates(self._source, self._queries, snapshot, kinds, self._kind)
            if self._read.incrementing_key is None:
                dates, reached = changed.by_time(since), None
            else:
                dates, reached = changed.by_key(position)
            is_complete = True
        finally:
            self._database.end(snapshot, is_complete=is_complete)
        return Changes(dates, self._complete_until(snapshot), shows_deletions=False, position=reached)

    def close(self) -> None:
        """See `Connector.close`."""
        self._drop_snapshot()
        self._database.close()
        self._single_rows.close()

    def _report(self, day: date, rows: list[Any]) -> ControlReport:
        net: dict[str, Decimal] = {}
        try:
            for currency, _, amount in rows:
                name = self._only_currency or currency
                if name is not None and amount is not None:
                    net[name] = net.get(name, Decimal(0)) + Decimal(amount)
            return ControlReport(lines=sum(int(lines) for _, lines, _ in rows), net=net)
        except (ArithmeticError, ValueError):
            raise StopRun(
                f"{self.retailer_id}: {self._read.net_amount} of {day} adds up to something other than an amount,"
                " such as NaN. Correct the data, or read.net_amount of its definition."
            ) from None

    def _drop_snapshot(self) -> None:
        opened, self._open = self._open, None
        if opened:
            self._database.end(opened[1], is_complete=True)

    def _complete_until(self, snapshot: Any) -> datetime:
        """A transaction may commit so much later than its rows say that they changed."""
        as_of: datetime = snapshot.as_of
        return as_of - self._margin


class DatabaseConnector(SnapshotConnector):
    """The connector of the sources in databases with SQL."""

    def __init__(
        self, source: SourceDefinition, connection: Connection, ingest: IngestSettings, runtime: Runtime
    ) -> None:
        mapping, dialect = table_mapping(source), dialect_of(source.connector)
        timeouts = Timeouts(ingest.timeout_seconds, ingest.listing_minutes)
        database = Database(dialect, address_of(source, connection), timeouts)
        self._columns = selected_columns(source, mapping)
        lines = Selection.of(source.read.query, source.read.table, dialect.quote)
        self._statements = Queries(dialect, lines, zone_of(source), source.read, self._columns)
        check_definition(source, self._statements)
        super().__init__(source, mapping, database, self._statements)

    def _kinds(self, snapshot: Snapshot, day: date) -> Kinds:
        """The columns of the query. Raises FixConfiguration if one is missing."""
        kinds = snapshot.kinds(self._statements.columns_of(day), self._statements.timed)
        check_columns(self._source, self.mapping, kinds)
        return kinds

    def _pages(self, snapshot: Snapshot, kinds: Kinds, day: date) -> Iterator[RawPage[Raw]]:
        reader, as_of, number = RowReader(self._columns, kinds, self._zone), self._complete_until(snapshot), 0
        for rows in snapshot.pages(self._statements.lines(kinds, day)):
            number += 1
            yield RawPage(number, reader.read(rows), as_of, requested=self._database.rows_at_once)
        if not number:
            yield RawPage(1, [], as_of, requested=self._database.rows_at_once)
