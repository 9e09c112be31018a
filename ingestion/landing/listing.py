"""Turns the pages of a listing into the lines of the raw zone, with memory bounded by a setting.

Pages are mapped some ten thousand lines at a time. What is kept of them is on disk: the pages themselves, because a
rejected row is stored as it was sent, and the lines. In DuckDB are a key and an amount per line, and the rejected rows.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import orjson

from ingestion.connectors.protocol import RawPage
from ingestion.landing.serialise import DayText, record_texts
from ingestion.landing.verify import LISTING_KEYS, Totals, read_totals
from ingestion.mapping.json_rows import JsonPage, JsonReader
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.map_json import map_json
from ingestion.mapping.workspace import workspace

LINES_AT_ONCE = 50_000
BYTES_AT_ONCE = 48 * 1024 * 1024
"""Pages are mapped when so many lines, or so many bytes of them, have been read."""


class Listing:
    """A listing as it is read. `connection` has its `rejected_rows`."""

    def __init__(
        self, mapping: SourceMapping, day: date, connection: duckdb.DuckDBPyConnection, directory: Path
    ) -> None:
        self.connection = connection
        self._mapping, self._day, self._reader = mapping, day, JsonReader(mapping)
        self._pending: dict[int, JsonPage] = {}
        self._lines = self._bytes = 0
        self._pages = (directory / "pages.json").open("w+b")
        self._size_of_pages = 0
        self._place_of: dict[int, tuple[int, int]] = {}
        """Page → where it begins in the file, and its size."""
        self._text = (directory / "lines.json").open("wb")
        self._size = 0
        self._digest = hashlib.sha256()
        connection.execute(f"CREATE OR REPLACE TABLE listing_keys({LISTING_KEYS})")

    def add(self, page: RawPage[Any]) -> None:
        """Add the rows of a page, in the order of the listing."""
        rows = page.rows
        body = orjson.dumps(rows)
        self._place_of[page.number] = self._size_of_pages, len(body)
        self._size_of_pages += self._pages.write(body)
        read = self._reader.read(rows)
        self._pending[page.number] = read
        self._lines, self._bytes = self._lines + read.lines, self._bytes + len(body)
        if self._lines >= LINES_AT_ONCE or self._bytes >= BYTES_AT_ONCE:
            self._map()

    def complete(self) -> tuple[Totals, DayText]:
        """The totals of the listing, and its lines."""
        self._map()
        self._text.flush()
        text = DayText(self._day, Path(self._text.name), self._size, self._digest.hexdigest())
        return read_totals(self.connection), text

    def close(self) -> None:
        """Close the files."""
        self._pages.close()
        self._text.close()

    def _map(self) -> None:
        if not self._pending and self._place_of:
            return
        mapped = map_json(self.connection, self._mapping, self._reader.columns, self._pending, self._day)
        self._pending, self._lines, self._bytes = {}, 0, 0
        if mapped.rejected:
            self._add_payloads()
        if not mapped.landed:
            return
        self.connection.execute(
            "INSERT INTO listing_keys"
            " SELECT hash(transaction_id, line_id), changed_at, currency, net_amount FROM landed_records"
        )
        for text in record_texts(self.connection.cursor(), mapped.bare):
            self._digest.update(text)
            self._size += self._text.write(text)

    def _add_payloads(self) -> None:
        import pyarrow

        found = self.connection.execute(
            "SELECT source_file, list(source_line) FROM rejected_rows WHERE payload IS NULL GROUP BY source_file"
        ).fetchall()
        pages, lines, payloads = [], [], []
        for page, numbers in found:
            offset, size = self._place_of[page]
            self._pages.seek(offset)
            sent = self._reader.payloads(orjson.loads(self._pages.read(size)))
            pages += [page] * len(numbers)
            lines += numbers
            payloads += [orjson.dumps(sent[line - 1], option=orjson.OPT_SORT_KEYS).decode() for line in numbers]
        self._pages.seek(0, 2)
        sent_rows = pyarrow.table({"page": pages, "line": lines, "payload": pyarrow.array(payloads, pyarrow.string())})
        self.connection.register("sent_rows", sent_rows)
        self.connection.execute(
            "UPDATE rejected_rows SET payload = sent_rows.payload FROM sent_rows"
            " WHERE source_file = page AND source_line = line"
        )
        self.connection.unregister("sent_rows")


@contextmanager
def reading_listing(mapping: SourceMapping, day: date, memory_mb: int) -> Iterator[Listing]:
    """A listing of one business date. Its files and tables are gone at the end of the block."""
    with (
        workspace(memory_mb, threads=1) as connection,
        tempfile.TemporaryDirectory(prefix="retail-listing-") as directory,
    ):
        listing = Listing(mapping, day, connection, Path(directory))
        try:
            yield listing
        finally:
            listing.close()
