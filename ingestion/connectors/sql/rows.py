"""Makes rows of a database what the mapping reads: objects with a text, an integer or null for each column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingestion.connectors.sql.columns import Kind, Zone
from ingestion.connectors.sql.dialect import Row
from ingestion.connectors.sql.mapping import SelectedColumns


class RowReader:
    """Reads the rows of one statement."""

    def __init__(self, columns: SelectedColumns, kinds: Mapping[str, Kind], zone: Zone) -> None:
        self._names, self._integers = columns.names, columns.integers
        # A time without a zone is one of the source's own zone to the mapping. Of all others it has to be written.
        of_utc = {Kind.INSTANT, Kind.TIME} if zone.is_utc else {Kind.INSTANT}
        self._utc = [columns.names.index(name) for name in columns.times if kinds[name] in of_utc]

    def read(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """The rows of a page."""
        names = self._names
        if not self._integers and not self._utc:
            return [dict(zip(names, row, strict=True)) for row in rows]
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for place in self._utc:
            columns[place] = [_with_zone(text) for text in columns[place]]
        for place in self._integers:
            columns[place] = [_integer(text) for text in columns[place]]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _with_zone(text: str | None) -> str | None:
    """A time with its zone, which is UTC where it has none."""
    if text is None or text.endswith("Z") or text[-6:-5] in ("+", "-") or text[-3:-2] in ("+", "-"):
        return text
    return f"{text}Z"


def _integer(text: str | None) -> int | str | None:
    """A whole number as the integer that the mapping wants; anything else as it is, to be rejected with its row."""
    if text is None or not text.removeprefix("-").isdecimal() or len(text) > 19:
        return text
    return int(text)
