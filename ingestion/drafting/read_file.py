"""Reads a sample of a file: rows from all of it, evenly spaced, so that rare values and late dates are in it, too."""

from __future__ import annotations

import codecs
import csv
import io
import zlib
from collections.abc import Iterator
from itertools import islice

import orjson

from ingestion.connectors.files.dialects import Dialect, detect_dialect
from ingestion.connectors.files.encodings import detect_encoding
from ingestion.connectors.files.record_files import kind_of_records, parquet_records
from ingestion.connectors.files.sources import StoredFile
from ingestion.drafting.read_json import JsonSample, read_records, sample_of
from ingestion.drafting.sample import Column, Sample
from ingestion.mapping.file_format import Format
from ingestion.mapping.sql_text import WHITE_SPACE
from shared.errors import FixConfiguration

MOST_ROWS = 20_000
MOST_JSON = 64 * 1024 * 1024
_LONGEST = 1_000_000
"""Bytes of a line of JSON."""
MOST_READ = 5_000_000
"""Rows of a file that are looked at. It takes about ten seconds."""


def read_file(file: StoredFile, most_rows: int = MOST_ROWS) -> tuple[Sample, Dialect]:
    """A sample of a CSV file, and its dialect. Raises FixConfiguration or StopRun, which name the file."""
    dialect = detect_dialect(file, Format())
    encoding = dialect.encoding or detect_encoding(file)
    rows = _EvenRows(most_rows)
    width = len(dialect.header)
    try:
        for place, row in islice(_rows(file, encoding, dialect.delimiter), MOST_READ):
            if len(row) >= width:  # a short one would move its values to other columns
                rows.add(place, row)
    except (csv.Error, EOFError, OSError, UnicodeError, ValueError, zlib.error) as error:
        raise FixConfiguration(f"{file.place} cannot be read as {encoding} text: {error}.") from error
    if not rows.kept:
        raise FixConfiguration(f"{file.place} has a header and no rows, so there is nothing to draft from.")
    texts = list(zip(*([text.strip(WHITE_SPACE) for text in row[:width]] for _, row in rows.kept), strict=True))
    columns = tuple(Column(name, texts[number]) for number, name in enumerate(dialect.header) if name)
    places = tuple(place for place, _ in rows.kept)
    return Sample(columns, places, is_complete=rows.is_complete), dialect


def read_record_file(file: StoredFile) -> JsonSample | None:
    """A sample of a file of records; None for another file. Raises FixConfiguration or StopRun, which name the file."""
    kind = kind_of_records(file)
    if kind == "parquet":
        return sample_of([record for _, record in islice(parquet_records(file), MOST_ROWS)], file.name)
    if kind is None:
        return None
    with file.unpacked() as stream:
        first = stream.readline(_LONGEST)
        if not _is_record(first):
            body = first + stream.read(MOST_JSON)
        else:
            body = b"".join([first, *islice(iter(lambda: stream.readline(_LONGEST), b""), MOST_ROWS - 1)])
    return read_records(_checked(file, body), file.name)


def read_response(file: StoredFile) -> bytes:
    """A saved response of an API."""
    with file.unpacked() as stream:
        return _checked(file, stream.read(MOST_JSON + 1))


def _checked(file: StoredFile, body: bytes) -> bytes:
    if len(body) > MOST_JSON:
        raise FixConfiguration(f"{file.place} has more than {MOST_JSON:,} bytes of JSON. Give a part of it.")
    return body


def _is_record(line: bytes) -> bool:
    """Whether a line is a record by itself, as each one is in a file with a JSON object on each line."""
    try:
        return isinstance(orjson.loads(line.removeprefix(codecs.BOM_UTF8)), dict)
    except ValueError:
        return False


class _EvenRows:
    """Every n-th row, with n so large that there are never more than `most`."""

    def __init__(self, most: int) -> None:
        self.kept: list[tuple[int, list[str]]] = []
        self.step, self._most, self._seen = 1, most, 0

    @property
    def is_complete(self) -> bool:
        """Whether it has all rows."""
        return self.step == 1 and self._seen < MOST_READ

    def add(self, place: int, row: list[str]) -> None:
        if self._seen % self.step == 0:
            self.kept.append((place, row))
            if len(self.kept) > self._most:
                del self.kept[1::2]
                self.step *= 2
        self._seen += 1


def _rows(file: StoredFile, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows after the header, each with the line where it begins."""
    with file.unpacked() as stream, io.TextIOWrapper(stream, encoding=encoding, newline="") as text:
        reader = csv.reader(text, delimiter=delimiter)
        place, is_header = 1, True
        for row in reader:
            if row and not is_header:
                yield place, row
            is_header = is_header and not row
            place = reader.line_num + 1
