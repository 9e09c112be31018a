"""To which business date a record belongs, and when it changed. Singer and dlt write times as RFC 3339 has them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from ingestion.source_clock import ANY_TIME

_DATE_CHARACTERS = len("2024-01-15")


class RecordDates:
    """Reads `date_column` and `changed_by` of a source. A column within an object is written as `order.sold_at`."""

    def __init__(self, zone: ZoneInfo, column: str, changed_by: str | None, *, is_utc: bool) -> None:
        """`is_utc`: times without a time zone are UTC, not the source's own."""
        self._zone, self._without_zone = zone, UTC if is_utc else zone
        self._path, self._changed_by = column.split("."), changed_by.split(".") if changed_by else None

    def business_date(self, record: Mapping[str, Any]) -> date | None:
        """The business date; None if the record has none that can be read."""
        text = _value_at(record, self._path)
        try:
            if len(text) == _DATE_CHARACTERS:
                return date.fromisoformat(text)
            return _instant(text, self._without_zone).astimezone(self._zone).date()
        except (TypeError, ValueError, OverflowError):
            return None

    def changed_at(self, record: Mapping[str, Any]) -> datetime:
        """When the record changed, UTC; `ANY_TIME` if that cannot be read: a change must not be missed."""
        try:
            return _instant(_value_at(record, self._changed_by or []), self._without_zone).astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            return ANY_TIME


def _value_at(record: Any, path: list[str]) -> Any:
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return record


def _instant(text: str, without_zone: tzinfo) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=without_zone, fold=1)
