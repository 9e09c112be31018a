"""Makes rows of a database what the mapping reads: objects with a text, integer, boolean or null for each column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingestion.connectors.sql.columns import Kind, Zone
from ingestion.connectors.sql.dialect import Row
from ingestion.connectors.sql.mapping import SelectedColumns

_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


class RowReader:
    """Reads the rows of one statement."""

    def __init__(self, columns: SelectedColumns, kinds: Mapping[str, Kind], zone: Zone) -> None:
        self._names = columns.names
        self._of_type = {_integer: columns.integers, _boolean: columns.booleans}
        # A time without a zone is one of the source's own zone to the mapping. Of all others it has to be written.
        of_utc = {Kind.INSTANT, Kind.TIME} if zone.is_utc else {Kind.INSTANT}
        self._utc = [columns.names.index(name) for name in columns.times if kinds[name] in of_utc]

    def read(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """The rows of a page."""
        names = self._names
        if not self._utc and not any(self._of_type.values()):
            return [dict(zip(names, row, strict=True)) for row in rows]
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for place in self._utc:
            columns[place] = [_with_zone(text) for text in columns[place]]
        for read, places in self._of_type.items():
            for place in places:
                columns[place] = [*map(read, columns[place])]
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


def _boolean(text: str | None) -> bool | str | None:
    """A boolean, which is a number or a bit in most databases; anything else as it is, to be rejected with its row."""
    return text if text is None else _BOOLEANS.get(text, text)
