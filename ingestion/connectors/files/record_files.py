"""Converts files of records (JSON, a JSON object on each line, Parquet) to rows of texts.

A record is a row, and the members of its objects are columns such as `customer.id`. A column that a record lacks is
empty. Numbers are the texts that the file has, so that no amount passes through a binary fraction.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from ingestion.connectors.files.cell_texts import cell_text
from ingestion.connectors.files.dialects import LONGEST_LINE, MOST_COLUMNS
from ingestion.connectors.files.parsed_rows import BrokenRow, ParsedRows, damaged_row
from ingestion.connectors.files.sources import StoredFile
from ingestion.mapping.file_format import Format
from ingestion.models.reject_reasons import RejectReason
from shared.errors import FixConfiguration, StopRun
from shared.streams import is_text

if TYPE_CHECKING:
    import pyarrow

MOST_LEVELS = 8
"""Levels of objects that become columns. What is nested more deeply is kept as JSON."""
_PARQUET = b"PAR1"
_JSON = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:(?P<one>\{\s*["}])|(?P<many>\[\s*(?:[\]{]|$)))')
_START = 1024
_BATCH = 8_192
_UNREADABLE = "the line is not a JSON object"


@dataclass
class _Target:
    """The rows that were written, in the order of the columns as they appeared."""

    write: Callable[[list[Any]], object]
    wanted: Format
    columns: dict[str, int] = field(default_factory=dict)
    """Column → its place in a row."""
    filled: list[int] = field(default_factory=list)
    """Of each column: how many rows have a value in it."""
    broken: list[BrokenRow] = field(default_factory=list)
    rows: int = 0

    def add(self, place: int, record: Any) -> None:
        """Write a record, or its lines, or why it cannot be read."""
        if not isinstance(record, dict):
            self.reject(place, RejectReason.MALFORMED, "the record is not an object", cell_text(record))
            return
        try:
            rows = list(self._rows(record))
            missing = "" if rows else f"the array {self.wanted.lines} is empty or missing"
        except RecursionError:
            rows, missing = [], "its objects are nested too deeply"
        if missing:
            code = RejectReason.MISSING_FIELD if "empty" in missing else RejectReason.MALFORMED
            self.reject(place, code, missing, _json(record))
        for row in rows:
            texts = self._texts(row)
            if not is_text("".join(texts)):
                self.reject(place, RejectReason.MALFORMED, "a text in it is not Unicode", _json(record))
                continue
            self.write([place, *texts])
            self.rows += 1

    def reject(self, place: int, code: RejectReason, reason: str, line: str) -> None:
        """Keep what cannot be read as a row."""
        self.broken.append(damaged_row(place, code, reason, line))

    def _rows(self, record: dict[str, Any]) -> Iterator[dict[str, str]]:
        wanted = self.wanted.lines
        if wanted is None:
            yield dict(_flat(record, ""))
            return
        own = dict(_flat({key: value for key, value in record.items() if key != wanted}, ""))
        lines = record.get(wanted)
        for line in lines if isinstance(lines, list) else ():
            yield own | dict(_flat(line if isinstance(line, dict) else {"": line}, f"{wanted}."))

    def _texts(self, row: Mapping[str, str]) -> list[str]:
        texts = [""] * len(self.columns)
        for name, text in row.items():
            at = self.columns.setdefault(name, len(self.columns))
            if at == len(texts):
                texts.append(text)
                self.filled.append(0)
            texts[at] = text
            self.filled[at] += 1
        return texts


def kind_of_records(file: StoredFile) -> Literal["json", "parquet"] | None:
    """Which records a file has, by its content. The header of a CSV file may begin with a bracket, too."""
    try:
        start = _start_of(file)
    except (EOFError, OSError, ValueError):  # whoever reads it says what is wrong
        return None
    if start.startswith(_PARQUET):
        return "parquet"
    return "json" if _JSON.match(start) else None


def _start_of(file: StoredFile) -> bytes:
    with file.unpacked() as stream:
        return stream.read(_START)


def convert_records(file: StoredFile, wanted: Format, target: Path, most_bytes: int) -> ParsedRows:
    """Write the rows of a file to `target`, at most that many bytes. Raises FixConfiguration or StopRun."""
    with target.open("w", encoding="utf-8", newline="") as out:
        rows = _Target(csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow, wanted)
        for place, record in _records(file, wanted, rows):
            rows.add(place, record)
            if len(rows.columns) > MOST_COLUMNS:
                raise FixConfiguration(
                    f"{file.place}: the records up to {place:,} have more than {MOST_COLUMNS:,} different members. Is"
                    " it a sales file? Nothing was loaded."
                )
            if place % _BATCH == 0 and target.stat().st_size > most_bytes:
                raise FixConfiguration(
                    f"{file.place} has more than {most_bytes:,} bytes unpacked. Divide it into several files."
                    " Nothing was loaded."
                )
    if not rows.columns:
        raise FixConfiguration(f"{file.place} has no records. Nothing was loaded.")
    return ParsedRows(
        target, "utf-8", rows.rows, tuple(rows.broken), columns=dict(zip(rows.columns, rows.filled, strict=True))
    )


def _records(file: StoredFile, wanted: Format, rows: _Target) -> Iterator[tuple[int, Any]]:
    start = _start_of(file)
    if start.startswith(_PARQUET):
        return parquet_records(file)
    found = _JSON.match(start)
    if wanted.records is not None or (found and found["many"]):
        return _of_document(file, wanted.records)
    return _of_lines(file, rows)


def _of_lines(file: StoredFile, rows: _Target) -> Iterator[tuple[int, Any]]:
    """The objects of a file with one on each line. Another line is rejected by itself."""
    with file.unpacked() as stream:
        place = 0
        while line := stream.readline(LONGEST_LINE + 1):
            place += 1
            if len(line) > LONGEST_LINE:
                raise StopRun(f"{file.place}, line {place} is longer than {LONGEST_LINE:,} bytes. Nothing was loaded.")
            if not line.strip():
                continue
            try:
                record = _read(line.decode("utf-8-sig" if place == 1 else "utf-8"))
            except (ValueError, RecursionError) as error:
                _check_line(file, place, line)
                rows.reject(place, RejectReason.MALFORMED, f"{_UNREADABLE} ({error})", line.decode(errors="replace"))
                continue
            yield place, record


def _check_line(file: StoredFile, place: int, line: bytes) -> None:
    """Raise for a line that shows that the file is cut off or is not one with a record on each line."""
    if place == 1:
        raise FixConfiguration(
            f"{file.place}, line 1 {_UNREADABLE.removeprefix('the line ')}. If the file is one JSON document, name the"
            " array with its records in the layout: `records` in `format`. Nothing was loaded."
        )
    if not line.endswith(b"\n"):
        raise StopRun(f"{file.place}, line {place}: the file is cut off in its last line. Fetch it again.")


def _of_document(file: StoredFile, path: str | None) -> Iterator[tuple[int, Any]]:
    """The elements of an array, without holding the document in memory."""
    import ijson

    prefix = f"{path}.item" if path else "item"
    count = 0
    try:
        with file.unpacked() as stream:
            _skip_mark(stream)
            for record in ijson.items(stream, prefix):
                count += 1
                yield count, record
    except (ijson.JSONError, UnicodeError, ValueError, EOFError, OSError) as error:
        file.check_unchanged()
        raise StopRun(
            f"{file.place}, after record {count:,}: it is not valid JSON, or cut off ({str(error).strip()[:200]})."
            " Nothing was loaded; fetch it again."
        ) from error
    if not count and path:
        raise FixConfiguration(
            f"{file.place} has no records at {path!r}, which the layout names as `records` in `format`."
            " Nothing was loaded."
        )


def _skip_mark(stream: IO[bytes]) -> None:
    """Pass over a byte order mark."""
    peeked: bytes = stream.peek(3)  # type: ignore[attr-defined]  # every stream of `unpacked` is buffered
    if peeked.startswith(codecs.BOM_UTF8):
        stream.read(3)


def parquet_records(file: StoredFile) -> Iterator[tuple[int, Any]]:
    """The rows of a Parquet file, a batch at a time."""
    import pyarrow
    from pyarrow import parquet

    place = 0
    try:
        with closing(parquet.ParquetFile(str(file.path))) as table:
            for batch in table.iter_batches(_BATCH):
                for record in _in_microseconds(batch).to_pylist():
                    place += 1
                    yield place, record
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        file.check_unchanged()
        raise StopRun(
            f"{file.place}, after row {place:,}: it is not a Parquet file that can be read, or cut off"
            f" ({str(error).splitlines()[0][:200]}). Nothing was loaded; fetch it again."
        ) from error


def _in_microseconds(batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    """A batch without times in nanoseconds, which Python does not have. What is below microseconds is cut off."""
    import pyarrow

    kinds = [
        field.with_type(pyarrow.timestamp("us", field.type.tz))
        if pyarrow.types.is_timestamp(field.type) and field.type.unit == "ns"
        else field
        for field in batch.schema
    ]
    return batch.cast(pyarrow.schema(kinds), safe=False)


def _flat(given: Mapping[str, Any], prefix: str, level: int = 1) -> Iterator[tuple[str, str]]:
    for key, value in given.items():
        if isinstance(value, dict) and level < MOST_LEVELS:
            yield from _flat(value, f"{prefix}{key}.", level + 1)
        else:
            text = _json(value) if isinstance(value, dict | list) else cell_text(value)
            if text:  # a null object has no columns of its own
                yield f"{prefix}{key}".rstrip("."), text


def _read(line: str) -> Any:
    """A JSON value with its numbers as the texts that it has."""
    return json.loads(line, parse_float=str, parse_int=str, parse_constant=str)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else cell_text(value)
