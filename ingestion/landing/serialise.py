"""Serialises records as lines of the raw zone, in DuckDB from `landed_records`.

The lines are byte for byte what `SalesRecord.model_dump_json` gives (tests compare them), and never all in memory at
once. `record_texts` writes the records of an API, which are of one business date, each on its own. `day_texts` writes
the many dates of a file, in their order: a file repeats its receipts, products, customers and measures, so each
distinct group of fields is written as JSON once, and a line is the join of five such pieces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from ingestion.mapping.sql_text import literal
from ingestion.models.columnar import COLUMNS, NULLABLE
from shared.errors import StopRun
from shared.scratch import scratch_directory

if TYPE_CHECKING:
    import pyarrow

LARGE_DAY_BYTES = 64 * 1024 * 1024
"""A larger day is written to a file and uploaded from there in parts."""
_BATCH_ROWS = 20_480
_LISTING_BATCH_ROWS = 2_048
"""A batch of a listing is digested and written while it is in the processor's cache."""
_EPOCH = date(1970, 1, 1)
_NAMES = tuple(COLUMNS)
_LINE_ID = _NAMES.index("line_id")
_HEAD = ("transaction_id", *_NAMES[_LINE_ID + 1 : _NAMES.index("product_id")])
_GROUPS: Mapping[str, tuple[str, ...]] = {
    "head": _HEAD,
    "product": _NAMES[_NAMES.index("product_id") : _NAMES.index("customer_id")],
    "customer": _NAMES[_NAMES.index("customer_id") : _NAMES.index("quantity")],
    "measures": _NAMES[_NAMES.index("quantity") :],
}
"""Groups of fields that repeat together. They are adjacent in the contract, except for the line id inside the head."""


@dataclass(frozen=True)
class DayText:
    """The raw object of a day."""

    business_date: date
    body: bytes | memoryview | Path
    """In memory, or a file when it is large."""
    size_bytes: int
    file_sha256: str | None = None

    def sha256(self) -> str:
        """Hex digest of the body."""
        return hashlib.sha256(self.body).hexdigest() if not isinstance(self.body, Path) else str(self.file_sha256)


@contextmanager
def day_texts(cursor: duckdb.DuckDBPyConnection, rows: Mapping[date, int]) -> Iterator[Iterator[DayText]]:
    """The texts of the dates in `rows`, ascending, each with that many records. Without records the text is empty.

    `cursor` must belong to the calling thread alone: temporary tables are created in it. A large day's file is deleted
    at the end of the block.
    """
    cursor.execute("SET TimeZone = 'UTC'")
    for name, columns in _GROUPS.items():
        cursor.execute(_distinct_texts(name, columns))
    cursor.execute(_codes())
    with ExitStack() as stack:
        directory = Path(stack.enter_context(scratch_directory()))
        yield _complete_days(_batches(cursor), rows, directory)


def record_texts(
    connection: duckdb.DuckDBPyConnection, records: str, bare: frozenset[str], columns: str, order: str = ""
) -> Iterator[tuple[memoryview, pyarrow.RecordBatch]]:
    """The lines of the records of a query, which are all of one business date, and `columns` of the same records.

    No text in the columns of `bare` has a character that JSON escapes. `order`: an ORDER BY, or ''.
    Each is written on its own: with as many receipts as an API's day has, looking for equal pieces takes longer.
    """
    connection.execute("SET TimeZone = 'UTC'")
    line = _concatenated([_Text("{"), *_fields(COLUMNS, bare), _Text("}\n")])
    query = f"SELECT {line} AS line, {columns} FROM ({records}) AS records{order}"  # noqa: S608 - our own names
    for batch in connection.sql(query).to_arrow_reader(_LISTING_BATCH_ROWS):
        _, offsets, text = batch.column(0).buffers()
        ends, base = memoryview(offsets).cast("i"), batch.column(0).offset
        yield memoryview(text).cast("B")[ends[base] : ends[base + batch.num_rows]], batch.drop_columns(["line"])


class _Text(str):
    """A part of a line that is the same in all of them. Other parts are SQL."""

    __slots__ = ()


def _concatenated(parts: Iterable[str]) -> str:
    """SQL of parts one after the other. Texts side by side become one: each argument takes time for every line."""
    joined: list[str] = []
    for part in parts:
        if isinstance(part, _Text) and joined and isinstance(joined[-1], _Text):
            joined[-1] = _Text(joined[-1] + part)
        else:
            joined.append(part)
    return f"concat({', '.join(literal(part) if isinstance(part, _Text) else part for part in joined)})"


def _distinct_texts(name: str, columns: tuple[str, ...]) -> str:
    if name == "head":
        retailer = [_Text('{"retailer_id":"'), "any_value(retailer_id)", _Text('",')]
        head = _concatenated([*retailer, *_field("transaction_id"), _Text(',"line_id":')])
        texts = f"{head} AS head_text, {_concatenated([_Text(','), *_fields(columns[1:]), _Text(',')])} AS rest_text"
    else:
        end = _Text("}\n" if name == "measures" else ",")
        texts = f"{_concatenated([*_fields(columns), end])} AS {name}_text"
    names = ", ".join(columns)
    return (
        f"CREATE OR REPLACE TEMP TABLE {name}_texts AS WITH texts AS (SELECT {names}, {texts}"  # noqa: S608 - our own names
        f" FROM landed_records GROUP BY {names}) SELECT row_number() OVER ()::INTEGER AS {name}_code, * FROM texts"
    )


def _fields(columns: Iterable[str], bare: frozenset[str] = frozenset()) -> Iterator[str]:
    for number, column in enumerate(columns):
        if number:
            yield _Text(",")
        yield from _field(column, is_bare=column in bare)


def _field(column: str, *, is_bare: bool = False) -> list[str]:
    kind, name = COLUMNS[column], _Text(f'"{column}":')
    if kind == "VARCHAR" and not is_bare:
        return [name, _json_text(column)]
    if kind == "BOOLEAN":
        return [name, column]
    value = _time(column) if kind == "TIMESTAMPTZ" else column
    if column in NULLABLE:
        return [name, f"coalesce('\"' || {value} || '\"', 'null')"]
    return [name, _Text('"'), value, _Text('"')]


def _time(column: str) -> str:
    # A cast is faster than strftime, but leaves out zeros at the end of a fraction. It is faster still without a zone.
    seconds = f"replace(make_timestamp(epoch_us({column}))::VARCHAR, ' ', 'T') || 'Z'"
    exact = f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    return f"CASE WHEN epoch_us({column}) % 1000000 = 0 THEN {seconds} ELSE {exact} END"


def _json_text(column: str) -> str:
    # Texts have no control characters, so only quotes and backslashes are escaped; to_json takes twice as long.
    is_plain = f"NOT contains({column}, '\"') AND NOT contains({column}, '\\')"
    return f"CASE WHEN {is_plain} THEN '\"' || {column} || '\"' ELSE coalesce(to_json({column})::VARCHAR, 'null') END"


def _codes() -> str:
    """The records as numbers of their pieces, ordered by date: narrow rows, so that sorting is cheap."""
    joins = "".join(
        f" JOIN {name}_texts AS {name} ON "
        + " AND ".join(f"r.{column} {_equals(column)} {name}.{column}" for column in columns)
        for name, columns in _GROUPS.items()
    )
    codes = ", ".join(f"{name}_code" for name in _GROUPS)
    return (
        f"CREATE OR REPLACE TEMP TABLE landing_order AS SELECT r.business_date, r.line_id, {codes}"  # noqa: S608
        f" FROM landed_records AS r{joins} ORDER BY r.business_date, r.rowid"
    )


def _equals(column: str) -> str:
    return "IS NOT DISTINCT FROM" if column in NULLABLE else "="  # a plain comparison joins faster


def _batches(cursor: duckdb.DuckDBPyConnection) -> Iterator[pyarrow.RecordBatch]:
    joins = "".join(f" JOIN {name}_texts USING ({name}_code)" for name in _GROUPS)
    lines = (
        f"SELECT o.business_date, o.rowid AS position, concat(head_text, {_json_text('line_id')}, rest_text,"  # noqa: S608
        f" product_text, customer_text, measures_text) AS line FROM landing_order AS o{joins}"
    )
    yield from cursor.sql(lines).to_arrow_reader(_BATCH_ROWS)


def _complete_days(
    batches: Iterator[pyarrow.RecordBatch], rows: Mapping[date, int], directory: Path
) -> Iterator[DayText]:
    yield from (DayText(day, b"", 0) for day, count in sorted(rows.items()) if not count)
    pending: dict[date, _Pieces] = {}
    for batch in batches:
        for day, position, count, text in _runs(batch):
            pieces = pending.setdefault(day, _Pieces(directory / f"{day}.json"))
            pieces.add(position, count, text)
            if pieces.rows == rows[day]:
                yield pending.pop(day).joined(day)
    if pending:
        raise StopRun(
            f"{min(pending)}: fewer lines were written than records were counted. This is a bug: please report it."
        )


def _runs(batch: pyarrow.RecordBatch) -> Iterator[tuple[date, int, int, memoryview]]:
    """Runs of consecutive records of one date: date, first position, rows, text. Nothing is copied."""
    import numpy as np

    dates, positions = (batch.column(number).cast("int64" if number else "int32").to_numpy() for number in (0, 1))
    breaks = np.flatnonzero((np.diff(dates) != 0) | (np.diff(positions) != 1)) + 1
    _, offsets, text = batch.column(2).buffers()
    ends, characters = memoryview(offsets).cast("i"), memoryview(text).cast("B")
    base = batch.column(2).offset
    for first, last in pairwise([0, *breaks.tolist(), batch.num_rows]):
        start, end = ends[base + first], ends[base + last]
        yield _EPOCH + timedelta(days=int(dates[first])), int(positions[first]), last - first, characters[start:end]


class _Pieces:
    """A day that is not complete yet. DuckDB's threads deliver runs of records out of order; positions restore it.

    A large day goes to a file as it arrives: within such a day the order of lines is undefined.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._texts: dict[int, memoryview] = {}
        self._in_memory = 0
        self._digest = hashlib.sha256()
        self._written = 0
        self.rows = 0

    def add(self, position: int, rows: int, text: memoryview) -> None:
        """Keep a run of records."""
        self._texts[position] = text
        self._in_memory += len(text)
        self.rows += rows
        if self._in_memory > LARGE_DAY_BYTES:
            self._write()

    def joined(self, day: date) -> DayText:
        """The complete day."""
        if self._written:
            self._write()
            return DayText(day, self._path, self._written, self._digest.hexdigest())
        texts = self._sorted()
        return DayText(day, texts[0] if len(texts) == 1 else b"".join(texts), self._in_memory)

    def _sorted(self) -> list[memoryview]:
        return [self._texts[position] for position in sorted(self._texts)]

    def _write(self) -> None:
        with self._path.open("ab") as file:
            for text in self._sorted():
                file.write(text)
                self._digest.update(text)
        self._written += self._in_memory
        self._texts.clear()
        self._in_memory = 0
