"""Reads the list of changes of an API that its definition describes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from ingestion.connectors import protocol
from ingestion.connectors.paging import PageLimits
from ingestion.connectors.protocol import Changes, RawPage
from ingestion.connectors.rest.responses import value_at
from ingestion.connectors.values.times import read_date, read_time
from ingestion.mapping.layouts import SourceMapping
from ingestion.source_clock import ANY_TIME
from shared.errors import FixConfiguration, StopRun
from shared.sources.api_definition import ChangedRows, TimeOfRow
from shared.sources.definition import SourceDefinition

_MANY_ROWS = 10
"""A few rows may all be wrong. If as many are, the definition is, and every change would be missed."""


class ChangeReader:
    """Which business dates changed, by the rows of a list of changes."""

    def __init__(self, source: SourceDefinition, changed: ChangedRows, mapping: SourceMapping) -> None:
        """Raises FixConfiguration if nothing says where the business date of a row is."""
        self._source, self._zone = source, ZoneInfo(source.time_zone)
        day = changed.date or _as_mapped(mapping, "sold_at")
        if day is None:
            raise FixConfiguration(
                f"{source.file}: api.changes.date: it is missing, and `sold_at` is not mapped to one key of a row."
                " Say where the business date of a changed row is."
            )
        self._day, self._changed_at = day, changed.changed_at or _as_mapped(mapping, "changed_at")
        self._previous = changed.previous_date
        self._rows = self._read = 0

    def read(self, pages: Iterable[RawPage[Any]], limits: PageLimits) -> Changes:
        """The changes on these pages. Raises StopRun if none of many rows can be read."""
        self._rows = self._read = 0
        found = protocol.read_changes(self._source.id, pages, self._note, limits)
        if self._rows >= _MANY_ROWS and not self._read:
            raise StopRun(
                f"{self._source.id}: none of the {self._rows:,} rows of its list of changes can be read: see the log,"
                f" and correct api.changes in {self._source.file}."
            )
        return found

    def _note(self, dates: dict[date, datetime], row: Any) -> None:
        self._rows += 1
        changed_at = ANY_TIME
        if (place := self._changed_at) is not None:
            changed_at = protocol.change_time(
                lambda: read_time("changed_at", value_at(row, place.path), place.format, self._zone)
            )
        protocol.keep_latest_change(dates, self._date(self._day, row), changed_at)
        self._read += 1
        if self._previous is not None and value_at(row, self._previous.path) not in (None, ""):
            protocol.keep_latest_change(dates, self._date(self._previous, row), changed_at)

    def _date(self, place: TimeOfRow, row: Any) -> date:
        return read_date(place.path or "the row", value_at(row, place.path), place.format, self._zone)


def _as_mapped(mapping: SourceMapping, field: str) -> TimeOfRow | None:
    """Where a time is in a row by the mapping; None if it is in the lines of an order, or in several keys."""
    source = mapping.columns.get(field)
    if source is None or source.column is None:
        return None
    if mapping.lines and source.column.startswith(f"{mapping.lines}."):
        return None
    try:
        return TimeOfRow(path=source.column, format=source.format or "iso")
    except ValidationError:  # a format that only the mapping can read
        return None
