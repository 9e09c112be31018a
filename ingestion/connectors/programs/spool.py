"""Keeps the records of a complete table on the disk, by business date, with memory that does not grow with them."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson

_BUFFER_BYTES = 32 * 1024 * 1024
"""What is kept in memory before it is written: with so much, each date is written in few pieces."""


class DateSpool:
    """The records of each date, in the order in which they came."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.size_bytes = 0
        self.changed_at: dict[date, datetime] = {}
        """When a record of a date changed last."""
        self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - closed by close()
        # One text per date: orjson's are each kept in a block that is far larger than they are.
        self._buffers: dict[date | None, bytearray] = defaultdict(bytearray)
        self._buffered = 0
        self._blocks: dict[date | None, list[tuple[int, int]]] = defaultdict(list)

    @property
    def dates(self) -> set[date]:
        """The dates that have records."""
        return {day for day in (*self._blocks, *self._buffers) if day is not None}

    @property
    def is_undated(self) -> bool:
        """Whether there are records without a date."""
        return None in self._blocks or None in self._buffers

    def add(self, day: date | None, record: dict[str, Any]) -> None:
        """Add a record; None: its date cannot be read."""
        text = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        self._buffers[day] += text
        self._buffered += len(text)
        self.size_bytes += len(text)
        if self._buffered >= _BUFFER_BYTES:
            self._flush()

    def records(self, day: date | None) -> Iterator[tuple[dict[str, Any], int]]:
        """The records of a date, each with its bytes."""
        self._flush()
        for offset, size in self._blocks.get(day, ()):
            self._file.seek(offset)
            while size > 0:
                line = self._file.readline(size)
                size -= len(line)
                yield orjson.loads(line), len(line)

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()

    def _flush(self) -> None:
        offset = self._file.seek(0, 2)
        for day, text in self._buffers.items():
            size = self._file.write(text)
            self._blocks[day].append((offset, size))
            offset += size
        self._buffers.clear()
        self._buffered = 0
