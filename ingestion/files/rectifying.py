"""The careful way to read a CSV, for files that are not plain UTF-8 with as many fields in every row as in the header.

Row by row and slower, with memory bounded by the longest line. What it can read it writes out anew as plain UTF-8,
each row behind the line it began on; rows of another width are set aside.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from ingestion.files.dialects import LONGEST_LINE, Dialect
from ingestion.files.sources import StoredFile
from ingestion.models.reject_reasons import RejectReason
from shared.errors import StopRun

_PAYLOAD_CHARACTERS = 65_536


@dataclass(frozen=True)
class BrokenRow:
    """A row that is not of the header's width."""

    source_line: int
    code: RejectReason
    reason: str
    payload: str
    """JSON object with the row as far as it could be read."""


@dataclass(frozen=True)
class Rectified:
    """A file read carefully. `path` is a CSV of it without header: source line, then the header's columns."""

    path: Path
    encoding: str
    rows: int
    broken: tuple[BrokenRow, ...]


def open_unpacked(file: StoredFile) -> IO[bytes]:
    """The file's bytes, unpacked."""
    if file.compression == "gzip":
        return cast("IO[bytes]", gzip.open(file.path, "rb"))
    if file.compression == "zstd":
        import pyarrow

        stream: Any = pyarrow.CompressedInputStream(pyarrow.OSFile(str(file.path), "rb"), "zstd")
        return io.BufferedReader(stream)
    return file.path.open("rb")


def rectify(file: StoredFile, dialect: Dialect, encoding: str, directory: Path) -> Rectified:
    """Read the file row by row into `directory`. Raises StopRun with file and line for what cannot be trusted."""
    target = directory / f"rectified-{file.number}.csv"
    broken: list[BrokenRow] = []
    rows = 0
    with target.open("w", encoding="utf-8", newline="") as out:
        write = csv.writer(out, lineterminator="\n").writerow
        for line, row in numbered_rows(file, dialect, encoding):
            fitted = _fitted(row, len(dialect.header))
            if fitted is None:
                broken.append(_broken(line, row, dialect.header))
            else:
                write([line, *fitted])
                rows += 1
    return Rectified(target, encoding, rows, tuple(broken))


def numbered_rows(file: StoredFile, dialect: Dialect, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Rows below the header, each with the line it begins on; blank lines are passed over.

    Raises StopRun for a quote never closed, a line too long, or bytes that are not of the encoding.
    """
    with open_unpacked(file) as raw:
        lines = _Lines(file, io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline=""))
        before = csv.field_size_limit(LONGEST_LINE)
        try:
            reader = csv.reader(lines, delimiter=dialect.delimiter, strict=True)
            yield from _rows(reader, file, lambda: lines.number)
        finally:
            csv.field_size_limit(before)


def _rows(reader: Any, file: StoredFile, lines_read: Callable[[], int]) -> Iterator[tuple[int, list[str]]]:
    header_seen = False
    while True:
        begins = lines_read() + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise StopRun(_quote_fault(file, begins, str(error))) from error
        if row is None:
            return
        if row and header_seen:
            yield begins, row
        header_seen = header_seen or bool(row)


def _quote_fault(file: StoredFile, line: int, fault: str) -> str:
    if "unexpected end of data" in fault or "field limit" in fault:
        return (
            f"{file.path}, line {line}: a quoted field begins in this row and does not end"
            f" {'before the file does' if 'unexpected' in fault else f'within {LONGEST_LINE:,} characters'}: the file"
            " is cut off, or a quote is missing. Nothing was loaded."
        )
    return f"{file.path}, line {line}: a quoted field goes on after its closing quote. Nothing was loaded."


class _Lines:
    """Lines of a text, counted, none longer than allowed."""

    def __init__(self, file: StoredFile, text: io.TextIOWrapper) -> None:
        self._file, self._text = file, text
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = self._text.readline(LONGEST_LINE + 1)
        except UnicodeError as error:
            raise StopRun(
                f"{self._file.path}, after line {self.number}: bytes that are not {self._text.encoding}. State the"
                " file's encoding in the layout (format: encoding:), or save it as UTF-8. Nothing was loaded."
            ) from error
        except (EOFError, OSError) as error:
            raise StopRun(f"{self._file.path} ends early: its {self._file.compression} data is cut off.") from error
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > LONGEST_LINE:
            raise StopRun(
                f"{self._file.path}, line {self.number} is longer than {LONGEST_LINE:,} characters. No sale is that"
                " long: a line end or a quote is missing. Nothing was loaded."
            )
        return line.removeprefix("\ufeff") if self.number == 1 else line


def _fitted(row: list[str], width: int) -> list[str] | None:
    if len(row) > width and not any(row[width:]):
        return row[:width]  # delimiters at the end of the line
    return row if len(row) == width else None


def _broken(line: int, row: list[str], header: tuple[str, ...]) -> BrokenRow:
    named: dict[str, object] = {name: value[:_PAYLOAD_CHARACTERS] for name, value in zip(header, row, strict=False)}
    if len(row) > len(header):
        named["more"] = row[len(header) : len(header) + 100]
    reason = f"the row has {len(row)} fields, the header has {len(header)}"
    return BrokenRow(line, RejectReason.COLUMN_COUNT, reason, json.dumps(named, ensure_ascii=False))
