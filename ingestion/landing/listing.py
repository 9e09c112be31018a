"""Turns the pages of a listing into the lines of the raw zone, with memory bounded by a setting.

Pages are mapped some ten thousand lines at a time. What is kept of them is on disk: the lines, and the pages of parts
with a rejected row, which is stored as it was sent. In DuckDB are a key and an amount per line, and why rows were
rejected. A page is in memory as well, so the largest one adds to the setting.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson

from ingestion.connectors.protocol import RawPage
from ingestion.landing.rejected_rows import place_on_page
from ingestion.landing.serialise import DayText, record_texts
from ingestion.landing.verify import COUNTED, LISTING_KEYS, LISTING_SUMS, Totals, count_lines, read_totals
from ingestion.mapping.flags import create_flagged_rows
from ingestion.mapping.future_times import FutureTimes, corrected, future_times
from ingestion.mapping.json_rows import JsonFault, JsonPage, JsonReader
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.map_json import MappedPages
from ingestion.mapping.rejections import REJECTED_COLUMNS
from ingestion.models.reject_reasons import RejectReason
from ingestion.schema_contracts.guard import SchemaGuard
from shared.dead_letters import as_json
from shared.scratch import scratch_directory

_LINES_AT_ONCE = 50_000
"""To plan the queries of a part takes as long as 10,000 lines take in them."""
_MEMORY_PER_BYTE = 6
"""Pages are mapped when so many lines have been read, or so many bytes that reading them takes all of the memory."""


@dataclass(frozen=True)
class _SentPage:
    """A page in the file of pages."""

    number: int
    offset: int
    size_bytes: int


class Listing:
    """A listing as it is read. `connection` has its `rejected_rows`, of which this is the `RowOrigin`.

    Its pages are numbered here from 0 in the order in which they are read.
    """

    def __init__(
        self,
        mapping: SourceMapping,
        day: date,
        connection: duckdb.DuckDBPyConnection,
        memory_mb: int,
        directory: Path,
        latest: datetime | None,
        guard: SchemaGuard | None = None,
    ) -> None:
        """Times of records after `latest` are corrected; None: no time is. `guard` compares the fields."""
        self._guard, self._schema = guard, guard.listing() if guard else None
        self.future_times = FutureTimes()
        self._latest = latest
        self.connection = connection
        self._mapping, self._day, self._reader = mapping, day, JsonReader(mapping)
        self._bytes_at_once = memory_mb * 1024 * 1024 // _MEMORY_PER_BYTE
        self._pending: dict[int, JsonPage] = {}
        self._lines = self._bytes = 0
        self._sent: list[_SentPage] = []
        self._shown: tuple[int, list[Any]] | None = None
        """The lines of the page that was read again last."""
        self._directory = directory
        self._pages = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - closed by close()
        self._end = self._most_of_pages = 0
        """Where the next page begins in the file of pages, and how large the file is."""
        self._text = (directory / "lines.json").open("wb")
        self._size = 0
        self._digest = hashlib.sha256()
        self.connection.execute(
            f"CREATE OR REPLACE TABLE listing_keys({LISTING_KEYS});"
            f" CREATE OR REPLACE TABLE listing_sums({LISTING_SUMS});"
            " CREATE OR REPLACE TABLE rejected_contents(digest UBIGINT);"
            f" CREATE OR REPLACE TABLE rejected_rows({REJECTED_COLUMNS})"
        )
        create_flagged_rows(self.connection)

    @property
    def directory(self) -> Path:
        """Where its files are."""
        return self._directory

    @property
    def size_bytes(self) -> int:
        """How much it has written to the disk so far: the pages, and the lines of those that are mapped."""
        return self._most_of_pages + self._size

    def add(self, page: RawPage[Any]) -> None:
        """Add the rows of a page, in the order of the listing."""
        body = as_json(page.rows)
        self._sent.append(_SentPage(page.number, self._end, self._pages.write(body)))
        self._end += len(body)
        self._most_of_pages = max(self._most_of_pages, self._end)
        read = self._reader.read(page.rows)
        if self._schema is not None and (differing := self._schema.add(page.rows)):
            faults = {row: JsonFault(RejectReason.SCHEMA_CHANGED, why, "", "") for row, why in differing.items()}
            read = self._reader.with_faults(read, page.rows, faults)
        self._pending[len(self._sent) - 1] = read
        # The columns of an order are repeated for each of its lines.
        size = max(len(body), sum(column.nbytes for column in read.columns))
        self._lines, self._bytes = self._lines + read.lines, self._bytes + size
        if self._lines >= _LINES_AT_ONCE or self._bytes >= self._bytes_at_once:
            self._map()

    def check_schema(self) -> None:
        """Note what is different from before, when all pages are added. Raises SchemaFrozen."""
        if self._guard is not None and self._schema is not None:
            self._guard.check(self._day, self._schema)

    def take_over_schema(self) -> None:
        """Take over what was sent, when it is landed."""
        if self._guard is not None and self._schema is not None:
            self._guard.landed(self._schema.seen)

    def complete(self) -> tuple[Totals, DayText]:
        """The totals of the listing, and its lines."""
        self._map()
        self._text.flush()
        text = DayText(self._day, Path(self._text.name), self._size, self._digest.hexdigest())
        return read_totals(self.connection), text

    def place(self, number: int, line: int) -> str:
        """See `RowOrigin`."""
        return place_on_page(self._mapping, self._sent[number].number, line)

    def payload(self, number: int, line: int, stored: str | None) -> Any:
        """See `RowOrigin`."""
        return self._lines_of(number)[line - 1]

    def close(self) -> None:
        """Close the files, both also when there was no room for the rest of one."""
        with self._text:
            self._pages.close()

    def _map(self) -> None:
        if not self._pending:
            return
        first, pending = min(self._pending), self._pending
        self._pending, self._lines, self._bytes = {}, 0, 0
        mapped = MappedPages(self.connection, self._mapping, self._reader.columns, pending, self._day)
        landed = self._write_lines(mapped)
        mapped.flag()
        if landed < mapped.rows:
            mapped.reject()
            self._add_contents(first)
        else:
            # Nothing of these pages will be read again, so the next ones take their place.
            self._end = self._sent[first].offset
            self._pages.seek(self._end)
        mapped.close()

    def _write_lines(self, mapped: MappedPages) -> int:
        """Write the lines of the records, and return how many there are."""
        import pyarrow

        records, counted = corrected(mapped.records(), self._latest), list[pyarrow.RecordBatch]()
        columns = f"{COUNTED}, future_time"
        for text, batch in record_texts(self.connection, records, mapped.bare, columns, mapped.order):
            self._digest.update(text)
            self._size += self._text.write(text)
            counted.append(batch)
        if not counted:
            return 0
        lines = pyarrow.Table.from_batches(counted)
        self.future_times += future_times(lines)
        count_lines(self.connection, lines)
        return int(lines.num_rows)

    def _add_contents(self, first: int) -> None:
        """Note what the rows are that were rejected since this page: equal ones count once in a control report."""
        import pyarrow

        found = self.connection.execute(
            "SELECT source_file, source_line FROM rejected_rows WHERE source_file >= ? ORDER BY ALL", [first]
        ).fetchall()
        digests = [hash(as_json(self.payload(number, line, None), sort_keys=True)) % 2**64 for number, line in found]
        self.connection.register("contents", pyarrow.table({"digest": pyarrow.array(digests, pyarrow.uint64())}))
        self.connection.execute("INSERT INTO rejected_contents SELECT digest FROM contents")
        self.connection.unregister("contents")

    def _lines_of(self, number: int) -> list[Any]:
        """What each line of a page is kept as if it is rejected."""
        if self._shown is None or self._shown[0] != number:
            sent = self._sent[number]
            self._pages.seek(sent.offset)
            self._shown = number, self._reader.payloads(orjson.loads(self._pages.read(sent.size_bytes)))
            self._pages.seek(self._end)
        return self._shown[1]


@contextmanager
def reading_listing(
    mapping: SourceMapping,
    day: date,
    memory_mb: int,
    connection: duckdb.DuckDBPyConnection,
    latest: datetime | None = None,
    guard: SchemaGuard | None = None,
) -> Iterator[Listing]:
    """A listing of one business date. Its files are gone at the end of the block; its tables when the next one begins.

    `connection` is a `workspace` of `memory_mb`. Times of records after `latest` are corrected (`future_times.py`).
    """
    with scratch_directory() as directory:
        listing = Listing(mapping, day, connection, memory_mb, Path(directory), latest, guard)
        try:
            yield listing
        finally:
            listing.close()
