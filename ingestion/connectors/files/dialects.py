"""Detects how a file is written from its first lines: encoding, delimiter and header."""

from __future__ import annotations

import codecs
import csv
import zlib
from collections import Counter
from dataclasses import dataclass

from ingestion.connectors.files.sources import StoredFile
from ingestion.mapping.layout_parts import Format
from shared.errors import FixConfiguration

SAMPLE_BYTES = 256 * 1024
MOST_COLUMNS = 1_000
"""A file with more columns is not a sales file; it is rejected before its rows are read."""
LONGEST_LINE = 1_000_000
"""Bytes. A longer line is an error that names it: most likely a quote that is never closed."""
_DELIMITERS = ",;\t|"
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CONTROL = bytes(set(range(32)) - {9, 10, 13})


@dataclass(frozen=True)
class Dialect:
    """A file's encoding, delimiter and header. `encoding` is None when the sample is not UTF-8: it must be detected."""

    encoding: str | None
    delimiter: str
    header: tuple[str, ...]
    is_declared: bool
    """Whether the layout declares the encoding, so that no other is tried."""


def detect_dialect(file: StoredFile, wanted: Format) -> Dialect:
    """The dialect of a file by its first lines. Raises FixConfiguration if it is not CSV or has no usable header."""
    sample = _sample(file)
    if not sample.strip():
        raise FixConfiguration(f"{file.path} contains only blank lines. Nothing was loaded.")
    encoding = wanted.encoding or _encoding(file, sample)
    text = codecs.getincrementaldecoder(encoding or "latin-1")("replace").decode(sample).lstrip("\ufeff\r\n")
    delimiter = wanted.delimiter or _delimiter(text)
    header = _header(file, text, delimiter, complete=len(sample) < SAMPLE_BYTES)
    return Dialect(encoding, delimiter, header, wanted.encoding is not None)


def _sample(file: StoredFile) -> bytes:
    try:
        with file.unpacked() as stream:
            return stream.read(SAMPLE_BYTES)
    except (EOFError, OSError, ValueError, zlib.error) as error:
        file.check_unchanged()
        raise FixConfiguration(
            f"{file.path} cannot be unpacked ({file.compression}): it is cut off or damaged. Fetch it again."
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
            f"{file.path} is not text (it is full of control characters), so it is not a CSV file. Nothing was loaded."
        )
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(sample)
    except UnicodeDecodeError:
        return None
    return "utf-8"


def _delimiter(text: str) -> str:
    """The delimiter that splits the header into the most columns, and the next lines into as many."""
    lines = [line for line in text[:65_536].splitlines()[:20] if line]
    best, points = ",", 0
    for mark in _DELIMITERS:
        widths = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
        agreeing = Counter(widths)[widths[0]] if widths else 0
        score = (widths[0] - 1) * agreeing if widths else 0
        if score > points:
            best, points = mark, score
    return best


def _header(file: StoredFile, text: str, delimiter: str, *, complete: bool) -> tuple[str, ...]:
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    try:
        header = next(row for row in reader if row)
        ends = complete or reader.line_num < len(text.splitlines())
    except (csv.Error, StopIteration):
        header, ends = [], False
    wide = len(header) if header else text.count(delimiter) + 1
    if wide > MOST_COLUMNS:
        raise FixConfiguration(
            f"{file.path}, line 1: the header has {'' if ends else 'at least '}{wide:,} columns; at most"
            f" {MOST_COLUMNS:,} are allowed. Is {delimiter!r} its delimiter, and is it a sales file?"
            " Nothing was loaded."
        )
    if not ends:
        raise FixConfiguration(
            f"{file.path}, line 1: the header does not end within {len(text):,} characters: a quote in it is never"
            " closed, or it is not a CSV file. Nothing was loaded."
        )
    names = [name.strip() for name in header]
    while names and not names[-1]:
        names.pop()  # a delimiter at the end of each line
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise FixConfiguration(
            f"{file.path}, line 1: the column {twice[0]!r} appears twice in the header. Rename one of them."
        )
    return tuple(names) + ("",) * (len(header) - len(names))
