"""Detects how a file is written from its first lines: encoding, delimiter and header."""

from __future__ import annotations

import codecs
import csv
import io
import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ingestion.connectors.files.sources import StoredFile
from ingestion.mapping.file_format import AUTO_SKIP, Format
from shared.errors import FixConfiguration

SAMPLE_BYTES = 256 * 1024
MOST_COLUMNS = 1_000
"""A file with more columns is not a sales file; it is rejected before its rows are read."""
LONGEST_LINE = 1_000_000
"""Bytes. A longer line is an error that names it: most likely a quote that is never closed."""
_DELIMITERS = ",;\t|"
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CONTROL = bytes(set(range(32)) - {9, 10, 13})


_MOST_LINES_ABOVE = 100
"""Lines above the header among which `skip_lines: auto` looks for it."""
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t|])"?[ ,;\t]*', re.IGNORECASE)
"""The line above the header with which a program names the delimiter to Excel."""


@dataclass(frozen=True)
class Dialect:
    """A file's encoding, delimiter and header. `encoding` is None when the sample is not UTF-8: it must be detected."""

    encoding: str | None
    delimiter: str
    header: tuple[str, ...]
    """Names that the header has twice are followed by their position: `total (7)`, `total (9)`."""
    is_declared: bool
    """Whether the layout declares the encoding, so that no other is tried."""
    quote: str = '"'
    """'' if no character is a quote."""
    skip_lines: int = 0
    """Lines above the header that are not blank lines at the beginning of the file."""
    header_line: int = 1
    ends_at_blank_line: bool = False
    """Whether what comes after the first blank line below the header is left out."""
    repeated: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Name that the header has more than once → its positions, from 1."""
    columns_line: int | None = None
    """The line that has the wanted columns, if it is not the header."""


def detect_dialect(file: StoredFile, wanted: Format, columns: Collection[Sequence[str]] = ()) -> Dialect:
    """The dialect of a file by its first lines. Raises FixConfiguration if it is not CSV or has no usable header.

    `columns` are those that a header must have, for each kind of file that it may be.
    """
    if file.records is not None:
        return Dialect("utf-8", ",", tuple(file.records.columns), is_declared=True)
    sample = _sample(file)
    if not sample.strip():
        raise FixConfiguration(f"{file.place} contains only blank lines. Nothing was loaded.")
    encoding = wanted.encoding or _encoding(file, sample)
    text = codecs.getincrementaldecoder(encoding or "latin-1")("replace").decode(sample).removeprefix("\ufeff")
    lines = list(io.StringIO(text, newline=""))
    named = _SEPARATOR_LINE.fullmatch(lines[0].strip("\r\n"))
    skip = int(named is not None) if wanted.skip_lines in (0, AUTO_SKIP) else int(wanted.skip_lines)
    found = None if skip else _find_header(lines, wanted, columns)
    if wanted.skip_lines == AUTO_SKIP and found:
        skip = found - 1
    rest = "".join(lines[skip:])
    below = rest.lstrip("\r\n")
    header_line = skip + len(list(io.StringIO(rest[: len(rest) - len(below)], newline=""))) + 1
    delimiter = wanted.delimiter or (named[1] if named else _delimiter(below, wanted))
    header = _header(file, below, delimiter, wanted, header_line, complete=len(sample) < SAMPLE_BYTES)
    names, repeated = _distinct_names(header)
    return Dialect(
        encoding,
        delimiter,
        names,
        wanted.encoding is not None,
        quote="" if wanted.quote == "none" else wanted.quote,
        skip_lines=skip,
        header_line=header_line,
        ends_at_blank_line=wanted.ends_at is not None,
        repeated=repeated,
        columns_line=found if found != header_line else None,
    )


def _sample(file: StoredFile) -> bytes:
    try:
        with file.unpacked() as stream:
            return stream.read(SAMPLE_BYTES)
    except (EOFError, OSError, ValueError, zlib.error) as error:
        file.check_unchanged()
        raise FixConfiguration(
            f"{file.place} cannot be unpacked ({file.compression}): it is cut off or damaged. Fetch it again."
        ) from error


def _encoding(file: StoredFile, sample: bytes) -> str | None:
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if max(even, odd) > len(sample) // 5 and min(even, odd) * 10 < max(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    if len(sample) - len(sample.translate(None, _CONTROL)) > len(sample) // 50 + 4:
        raise FixConfiguration(
            f"{file.place} is not text (it is full of control characters), so it is not a CSV file. Nothing was loaded."
        )
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(sample)
    except UnicodeDecodeError:
        return None
    return "utf-8"


def _reader(lines: Sequence[str], delimiter: str, wanted: Format) -> Iterator[list[str]]:
    quoting: Literal[0, 3] = csv.QUOTE_NONE if wanted.quote == "none" else csv.QUOTE_MINIMAL
    return csv.reader(lines, delimiter=delimiter, quoting=quoting)


def _delimiter(text: str, wanted: Format) -> str:
    """The delimiter that splits the header into the most columns, and the next lines into as many."""
    lines = [line for line in text[:65_536].splitlines()[:20] if line]
    best, points = ",", 0
    for mark in _DELIMITERS:
        widths = [len(row) for row in _reader(lines, mark, wanted) if row]
        agreeing = Counter(widths)[widths[0]] if widths else 0
        score = (widths[0] - 1) * agreeing if widths else 0
        if score > points:
            best, points = mark, score
    return best


def _find_header(lines: Sequence[str], wanted: Format, columns: Collection[Sequence[str]]) -> int | None:
    """The number of the first line that has all columns of a kind of file."""
    for number, line in enumerate(lines[: _MOST_LINES_ABOVE + 1], start=1):
        for mark in wanted.delimiter or _DELIMITERS:
            try:
                names = {name.strip() for row in _reader([line], mark, wanted) for name in row}
            except csv.Error:  # far too long for a header
                continue
            if any(names.issuperset(each) for each in columns):
                return number
    return None


def _distinct_names(header: Sequence[str]) -> tuple[tuple[str, ...], dict[str, list[int]]]:
    positions: dict[str, list[int]] = {}
    for position, name in enumerate(header, start=1):
        positions.setdefault(name, []).append(position)
    repeated = {name: places for name, places in positions.items() if name and len(places) > 1}
    names = (f"{name} ({at})" if name in repeated else name for at, name in enumerate(header, start=1))
    return tuple(names), repeated


def _header(
    file: StoredFile, text: str, delimiter: str, wanted: Format, line: int, *, complete: bool
) -> tuple[str, ...]:
    quoting: Literal[0, 3] = csv.QUOTE_NONE if wanted.quote == "none" else csv.QUOTE_MINIMAL
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, quoting=quoting, strict=True)
    try:
        header = next(row for row in reader if row)
        ends = complete or reader.line_num < len(text.splitlines())
    except (csv.Error, StopIteration):
        header, ends = [], False
    wide = len(header) if header else text.count(delimiter) + 1
    if wide > MOST_COLUMNS:
        raise FixConfiguration(
            f"{file.place}, line {line}: the header has {'' if ends else 'at least '}{wide:,} columns; at most"
            f" {MOST_COLUMNS:,} are allowed. Is {delimiter!r} its delimiter, and is it a sales file?"
            " Nothing was loaded."
        )
    if not ends:
        raise FixConfiguration(
            f"{file.place}, line {line}: the header does not end within {len(text):,} characters: a quote in it is"
            " never closed, or it is not a CSV file. Nothing was loaded."
        )
    names = [name.strip() for name in header]
    while names and not names[-1]:
        names.pop()  # a delimiter at the end of each line
    return tuple(names) + ("",) * (len(header) - len(names))
