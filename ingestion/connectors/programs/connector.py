"""Reads the sales of a source through another program: a tap of Singer, or a resource of dlt.

Such a program has libraries that conflict with ours, so it has an environment of its own and prints its records
(docs/connectors/singer.md, dlt.md). Either it gets the business date and prints that one, or it prints the complete
table, which is read once per run and kept on the disk by date.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from ingestion.connectors.programs.dates import RecordDates
from ingestion.connectors.programs.messages import DELETED_AT, Messages, Record
from ingestion.connectors.programs.process import OutputLimits, Process
from ingestion.connectors.programs.spool import DateSpool
from ingestion.connectors.protocol import Changes, RawPage, Runtime, keep_latest_change
from ingestion.mapping.layouts import mapping_of
from ingestion.mapping.single_rows import SingleRows
from ingestion.models.retailer_data import SalesRecord
from ingestion.source_clock import ANY_TIME
from shared.config import IngestSettings
from shared.errors import FixConfiguration, StopRun
from shared.partitions import ControlReport
from shared.scratch import scratch_directory
from shared.sources.connection import Connection, Program
from shared.sources.databases import LATE_COMMIT_MINUTES
from shared.sources.definition import SourceDefinition
from shared.sources.programs import is_by_date, mapped
from shared.sources.request_templates import about_day, fill_template

ROWS_AT_ONCE = 1_000
_PAGE_BYTES = 4 * 1024 * 1024
_MANY_RECORDS = 10
"""A few records may all have a wrong date. If as many have, the definition has."""
Values = Mapping[str, date]


@dataclass(frozen=True)
class Task:
    """What the program gets for one run."""

    config: Mapping[str, Any]
    state: Mapping[str, Any] | None = None


class ProgramConnector(ABC):
    """What the connectors of Singer and dlt have in common."""

    listing_path = ""
    variables: ClassVar[Mapping[str, str]] = {}
    """Variables of every program of the kind."""

    def __init__(
        self, source: SourceDefinition, connection: Connection, ingest: IngestSettings, runtime: Runtime
    ) -> None:
        self.retailer_id = source.id
        self.mapping = mapping_of(source)
        self._source, self.read, self._runtime = source, source.read, runtime
        self.program = _program_of(source, connection, self.variables)
        self._zone = ZoneInfo(source.time_zone)
        self.what = f"{source.id}: {Path(self.program.command[0]).name}"
        self._limits = OutputLimits(
            ingest.timeout_seconds, ingest.listing_minutes, ingest.max_response_mb * 1024 * 1024
        )
        self._is_by_date = is_by_date(self.program.config)
        self._changed = _changed_config(source, self.program.config)
        self._dates = _dates_of(source, self._zone, is_by_date=self._is_by_date)
        self._spool: tuple[DateSpool, datetime] | None = None
        """The complete table, and as of when."""
        self._opened = ExitStack()
        self._single_rows = SingleRows(self.mapping)

    def check(self, day: date) -> None:
        """See `Connector.check`: the program sends the stream, and its first record if there is one."""
        with closing(self._records(Task(self._filled(self.program.config, about_day(day, self._zone))))) as records:
            first = next(records, None)
        if first and self._dates and self._dates.business_date(first[0]) is None:
            raise self._no_dates()

    def fetch_sales_data(self, day: date) -> Iterator[RawPage[Any]]:
        """The records of `day`. A tap that cannot select a date is run once for all dates."""
        if self._is_by_date:
            as_of = self._complete_until()
            with closing(self._records(Task(self._filled(self.program.config, about_day(day, self._zone))))) as found:
                yield from _pages(self._of_day(found, day), as_of)
            return
        spool, as_of = self._table()
        days = (day, None) if day == self._yesterday() else (day,)
        yield from _pages((each for one in days for each in spool.records(one)), as_of)

    def normalize_sales_record(self, raw: Any) -> SalesRecord:
        """A row with one line as a `SalesRecord`. Raises RejectRecord."""
        return self._single_rows.record(raw)

    def daily_report(self, day: date) -> ControlReport | None:
        """None: neither Singer nor dlt has one."""
        return None

    def list_changes(self, since: datetime) -> Changes | None:
        """The dates with changed records, by `read.changes` or `read.changed_by`; None without both."""
        if self._changed is not None:
            return self._requested_changes(since)
        if self.read.changed_by is None:
            return None
        spool, as_of = self._table()
        dates = {day: at for day, at in spool.changed_at.items() if at >= since}
        return Changes(dates, as_of, shows_deletions=False)

    def close(self) -> None:
        """See `Connector.close`. Ends a program that is still running."""
        self._opened.close()
        self._single_rows.close()

    @abstractmethod
    def command(self, directory: Path, task: Task) -> list[str]:
        """The command for one run; the files that it names are in `directory`, which only we can read."""

    def _records(self, task: Task) -> Generator[tuple[Record, int], None, None]:
        """The records of one run of the program, each with its bytes."""
        with scratch_directory() as directory, self.running(self.command(directory, task), directory) as process:
            yield from Messages(self.what, self.read.stream or "").records(process.lines())

    @contextmanager
    def running(self, command: list[str], directory: Path) -> Iterator[Process]:
        """Run a command in a directory, which is gone when the command has ended."""
        # A generator that is not read to its end is closed late, so `close` ends its program.
        process = Process(self.what, command, self.program, directory, self._limits, self._runtime.monotonic)
        self._opened.callback(process.end)
        try:
            yield process
        finally:
            process.end()

    def _filled(self, config: Any, values: Values) -> Any:
        """A configuration with the values of its templates."""
        return mapped(config, lambda it: fill_template(it, values, self._zone) if isinstance(it, str) else it)

    def _of_day(self, records: Iterable[tuple[Record, int]], day: date) -> Iterator[tuple[Record, int]]:
        """The records of a date. One whose date cannot be read is of any, so that it is rejected and seen."""
        for record, size in records:
            found = self._dates.business_date(record) if self._dates else None
            if not record.get(DELETED_AT) and found in (day, None):
                yield record, size

    def _table(self) -> tuple[DateSpool, datetime]:
        """The complete table: read when it is needed first."""
        if self._spool is None:
            as_of = self._complete_until()
            with ExitStack() as own:
                spool = DateSpool(own.enter_context(scratch_directory()))
                own.callback(spool.close)
                self._fill(spool)
                self._opened.enter_context(own.pop_all())
            self._spool = spool, as_of
        return self._spool

    def _fill(self, spool: DateSpool) -> None:
        assert self._dates is not None  # noqa: S101 - `_dates_of` demands the column
        records = 0
        with closing(self._records(Task(self._filled(self.program.config, {})))) as found:
            for record, _ in found:
                if record.get(DELETED_AT):
                    continue
                records += 1
                day = self._dates.business_date(record)
                spool.add(day, record)
                if day is not None and self.read.changed_by is not None:
                    keep_latest_change(spool.changed_at, day, self._dates.changed_at(record))
                if records % ROWS_AT_ONCE == 0:
                    self._check_room(spool)
        if records >= _MANY_RECORDS and not spool.dates:
            raise self._no_dates()

    def _requested_changes(self, since: datetime) -> Changes:
        """The dates of the records that the program sends when changes are requested."""
        as_of, dates = self._complete_until(), dict[date, datetime]()
        state, values = self.read.changes and self.read.changes.state, {"since": since.astimezone(UTC)}
        task = Task(self._filled(self._changed, values), None if state is None else self._filled(state, values))
        with closing(self._records(task)) as found:
            for record, _ in found:
                day = self._dates.business_date(record) if self._dates else None
                if day is not None and self._dates is not None:
                    changed_at = self._dates.changed_at(record) if self.read.changed_by else ANY_TIME
                    keep_latest_change(dates, day, changed_at)
        return Changes(dates, as_of, shows_deletions=False)

    def _complete_until(self) -> datetime:
        """Up to when everything is there that the program reads now: a transaction may commit late."""
        margin = self.read.late_commit_margin or LATE_COMMIT_MINUTES
        return self._runtime.clock() - timedelta(minutes=margin)

    def _yesterday(self) -> date:
        """The date with which records without one are rejected: a daily run reads it, and no other one yet."""
        return self._runtime.clock().astimezone(self._zone).date() - timedelta(days=1)

    def _no_dates(self) -> StopRun:
        return StopRun(
            f"{self.what}: its records have no date or time in {self.read.date_column!r} that can be read. Correct"
            f" read.date_column in {self._source.file}. Times are as in RFC 3339: 2024-01-15T14:03:22+01:00."
        )

    def _check_room(self, spool: DateSpool) -> None:
        if spool.size_bytes > (free := self._runtime.free_bytes(spool.directory)):
            raise StopRun(
                f"{self.what} has sent {spool.size_bytes:,} bytes so far, and the disk of {spool.directory.parent} has"
                f" only {free:,} left. Does it send more than it should? If not, free some space there, or set TMPDIR"
                " to a folder of a larger disk."
            )


def _program_of(source: SourceDefinition, connection: Connection, variables: Mapping[str, str]) -> Program:
    program = connection.program
    if program is None:
        raise FixConfiguration(f"{source.file}: connection.command: it is missing.")
    return Program(program.command, program.config, {**variables, **program.environment}, program.secrets)


def _changed_config(source: SourceDefinition, config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The configuration with which changes are requested. Raises FixConfiguration if a date is left in it."""
    changes = source.read.changes
    if changes is None:
        return None
    kept = {name: value for name, value in config.items() if name not in changes.config}
    for name, value in kept.items():
        if is_by_date(value):
            raise FixConfiguration(
                f"{source.file}: read.changes.config: {name} of connection.config depends on the date. Say here what it"
                " is when changes are requested; null leaves it out."
            )
    return kept | {name: value for name, value in changes.config.items() if value is not None}


def _dates_of(source: SourceDefinition, zone: ZoneInfo, *, is_by_date: bool) -> RecordDates | None:
    """How the date of a record is read; None where the program is trusted with it."""
    read = source.read
    if is_by_date and read.changed_by is not None and read.changes is None:
        raise FixConfiguration(
            f"{source.file}: read.changed_by: it has no effect here, because connection.config selects one date. Say in"
            " read.changes how changes are requested."
        )
    if read.date_column is not None:
        return RecordDates(zone, read.date_column, read.changed_by, is_utc=read.times_without_zone == "utc")
    if is_by_date:
        return None
    raise FixConfiguration(
        f"{source.file}: read.date_column: it is missing: which key of a record decides its business date? Only where"
        " connection.config has {day} or another date in it, the program may select the date itself."
    )


def _pages(records: Iterable[tuple[Record, int]], as_of: datetime) -> Iterator[RawPage[Any]]:
    """The records in pages; at least one."""
    number, rows, held = 1, list[Record](), 0
    for record, size in records:
        rows.append(record)
        held += size
        if len(rows) == ROWS_AT_ONCE or held >= _PAGE_BYTES:
            yield RawPage(number, rows, as_of)
            number, rows, held = number + 1, [], 0
    if rows or number == 1:
        yield RawPage(number, rows, as_of)
