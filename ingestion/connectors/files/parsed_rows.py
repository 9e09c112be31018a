"""The rows of a file that was read row by row, and what could not be read as one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.models.reject_reasons import RejectReason

PAYLOAD_CHARACTERS = 65_536


@dataclass(frozen=True)
class BrokenRow:
    """A row with more or fewer fields than the header, or with quotes that cannot be parsed."""

    source_line: int
    code: RejectReason
    reason: str
    payload: str
    """JSON object with as much of the row as could be read."""


@dataclass(frozen=True)
class ParsedRows:
    """A file after parsing. `path` is a CSV file without header: source line, then the header's columns."""

    path: Path
    encoding: str
    rows: int
    broken: tuple[BrokenRow, ...]
    end_line: int | None = None
    """The blank line from which on the file was left out."""
    columns: Mapping[str, int] = field(default_factory=dict)
    """Of a file of records: its columns in the order in which they appear, and how many rows have a value in them. A
    row ends before the columns that appear after it."""


def damaged_row(place: int, code: RejectReason, reason: str, text: str) -> BrokenRow:
    """A row of which only its text is known."""
    shown = text[:PAYLOAD_CHARACTERS].rstrip("\r\n").encode(errors="backslashreplace").decode()
    payload = json.dumps({"line": shown}, ensure_ascii=False)
    return BrokenRow(place, code, reason, payload)
