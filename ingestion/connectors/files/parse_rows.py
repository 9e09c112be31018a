"""Parses a CSV file row by row, for files that are not plain UTF-8 with as many fields in every row as in the header.

Slower than DuckDB, with memory bounded by the longest line. Rows that fit are written out as plain UTF-8, each after
the number of the line it began on; rows with another number of fields are returned as broken.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from ingestion.connectors.files.dialects import LONGEST_LINE, Dialect
from ingestion.connectors.files.parsed_rows import PAYLOAD_CHARACTERS, BrokenRow, ParsedRows, damaged_row
from ingestion.connectors.files.sources import StoredFile
from ingestion.models.reject_reasons import RejectReason
from shared.errors import StopRun


class WrongEncoding(StopRun):
    """The file contains bytes that are invalid in the encoding it was read with."""


def parse_rows(file: StoredFile, dialect: Dialect, encoding: str, directory: Path) -> ParsedRows:
    """Read the file row by row into `directory`. Raises StopRun with file and line if the text cannot be trusted."""
    target = directory / f"parsed-{file.number}.csv"
    broken: list[BrokenRow] = []
    rows, end_line, other = 0, None, _OtherTable(len(dialect.header))
    with target.open("w", encoding="utf-8", newline="") as out:
        write = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow
        for line, row in _rows_and_blanks(file, dialect, encoding):
            other.add(line, row)
            if not row:
                end_line = line if dialect.ends_at_blank_line else None
                continue
            fitted = _fitted(row, len(dialect.header))
            if fitted is None:
                broken.append(_broken(line, row, dialect.header))
            else:
                write([line, *fitted])
                rows += 1
    other.check(file)
    return ParsedRows(target, encoding, rows, tuple(broken), end_line)


class _OtherTable:
    """Notices that another table follows the lines: rows below a blank line, all with another number of columns."""

    def __init__(self, width: int) -> None:
        self._width, self._line, self._rows = width, 0, 0
        self._header: list[str] = []
        self._is_below_blank = False

    def add(self, line: int, row: list[str] | str) -> None:
        """Look at a row, or at a blank line."""
        fields = row if isinstance(row, list) else []
        if self._header and len(fields) in (0, len(self._header)):
            self._rows += bool(fields)
        elif self._is_below_blank and len(fields) > 1 and len(fields) != self._width and any(fields[1:]):
            self._line, self._rows, self._header = line, 1, fields
        else:
            self._header = []
        self._is_below_blank = not fields

    def check(self, file: StoredFile) -> None:
        """Raise StopRun if there is one up to the end of the file."""
        if self._header and self._rows > 1:
            raise StopRun(
                f"{file.place}: from line {self._line} on another table begins ({len(self._header)} columns:"
                f" {', '.join(self._header[:10])}). Save it as a file of its own, or leave it out with `ends_at:"
                " blank_line` in `format` of the layout. Nothing was loaded."
            )


def numbered_rows(file: StoredFile, dialect: Dialect, encoding: str) -> Iterator[tuple[int, list[str] | str]]:
    """Rows below the header, each with the line it begins on; blank lines are skipped. Raises as `parse_rows` does."""
    return ((line, row) for line, row in _rows_and_blanks(file, dialect, encoding) if row)


def _rows_and_blanks(file: StoredFile, dialect: Dialect, encoding: str) -> Iterator[tuple[int, list[str] | str]]:
    """Rows below the header, and blank lines as rows without fields.

    A line with misplaced quotes is returned as its text. Raises StopRun for a quote that is never closed, a line that
    is too long, or bytes that are invalid in the encoding.
    """
    with file.unpacked() as raw:
        lines = _Lines(file, io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline=""))
        before = csv.field_size_limit(LONGEST_LINE)
        try:
            for _ in range(dialect.skip_lines):
                next(lines, None)
            header, *_ = _reader([next(line for line in lines if line.strip("\r\n"))], dialect)
            if len(header) != len(dialect.header):
                raise StopRun(f"{file.place}: the header spans several lines. Nothing was loaded; put it on one line.")
            yield from _rows(file, lines, dialect)
        finally:
            csv.field_size_limit(before)


def _reader(lines: Iterable[str], dialect: Dialect) -> Iterator[list[str]]:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE
    return csv.reader(lines, delimiter=dialect.delimiter, quoting=quoting, strict=True)


def _rows(file: StoredFile, lines: _Lines, dialect: Dialect) -> Iterator[tuple[int, list[str] | str]]:
    reader = _reader(lines, dialect)
    while True:
        begins = lines.number + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            if "expected after" in str(error) and lines.number == begins:
                yield begins, lines.last
                continue
            raise StopRun(_quote_fault(file, begins, str(error))) from error
        if row is None:
            return
        yield begins, row
        if not row and dialect.ends_at_blank_line:
            return


def _quote_fault(file: StoredFile, line: int, fault: str) -> str:
    if "unexpected end of data" in fault or "field limit" in fault:
        where = "before the file does" if "unexpected" in fault else f"within {LONGEST_LINE:,} characters"
        return (
            f"{file.place}, line {line}: a quoted field begins in this row and does not end {where}: the file is cut"
            " off, or a quote is missing. If quotes are characters like any other in this file, write `quote: none`"
            " into `format` of the layout. Nothing was loaded."
        )
    return (
        f"{file.place}, line {line}: a quoted field begins in this row, spans several lines, and continues after its"
        " closing quote: there is a quote too few or too many. Nothing was loaded."
    )


class _Lines:
    """Counted lines of a text. Raises StopRun for one that is longer than allowed."""

    def __init__(self, file: StoredFile, text: io.TextIOWrapper) -> None:
        self._file, self._text = file, text
        self.number = 0
        self.last = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = self._text.readline(LONGEST_LINE + 1)
        except UnicodeError as error:
            raise WrongEncoding(
                f"{self._file.place}, after line {self.number}: bytes that are not {self._text.encoding}. Declare the"
                " file's encoding in the layout (format: encoding:), or save it as UTF-8. Nothing was loaded."
            ) from error
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > LONGEST_LINE:
            raise StopRun(
                f"{self._file.place}, line {self.number} is longer than {LONGEST_LINE:,} characters. No sale is that"
                " long: a line end or a quote is missing. Nothing was loaded."
            )
        self.last = line.removeprefix("\ufeff") if self.number == 1 else line
        return self.last


def _fitted(row: list[str] | str, width: int) -> list[str] | None:
    if isinstance(row, str):
        return None
    if len(row) > width and not any(row[width:]):
        return row[:width]  # the line ends with extra delimiters
    return row if len(row) == width else None


def _broken(line: int, row: list[str] | str, header: tuple[str, ...]) -> BrokenRow:
    if isinstance(row, str):
        return damaged_row(line, RejectReason.MALFORMED, "a quoted field continues after its closing quote", row)
    named: dict[str, object] = {name: value[:PAYLOAD_CHARACTERS] for name, value in zip(header, row, strict=False)}
    if len(row) > len(header):
        named["more"] = row[len(header) : len(header) + 100]
    reason = f"the row has {len(row)} fields, the header has {len(header)}"
    return BrokenRow(line, RejectReason.COLUMN_COUNT, reason, json.dumps(named, ensure_ascii=False))
