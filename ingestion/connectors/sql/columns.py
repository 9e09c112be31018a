"""The kinds of columns that matter: how the bounds of a business date are written, and how times are read.

Every value of a row becomes the text that the database shows for it, so a decimal is never a float.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from shared.sources.definition import SourceDefinition

Bound = date | datetime | int
_LONGEST_FOLD = timedelta(hours=3)
"""Clocks are put back by at most so much: a local time in that span can be two."""


class Kind(Enum):
    """What a column has."""

    DATE = "date"
    TIME = "time without a time zone"
    INSTANT = "time with a time zone"
    EPOCH = "seconds since 1970"
    EPOCH_MS = "milliseconds since 1970"
    NUMBER = "number"
    BITS = "bits"
    UNKNOWN = "no value yet, which could show what it has"
    OTHER = "something else"


@dataclass(frozen=True)
class Zone:
    """The time zone of the source's business dates, and whether the times without a zone are UTC instead."""

    local: ZoneInfo
    is_utc: bool

    def bounds(self, kind: Kind, day: date) -> dict[str, Bound]:
        """`day`, and the bounds between which a column of that kind has it: `start` is within, `end` is not."""
        following = day + timedelta(days=1)
        if kind is Kind.DATE:
            return {"day": day, "start": day, "end": following}
        start, end = (self.written(kind, _midnight(each, self.local)) for each in (day, following))
        if kind is Kind.TIME and not self.is_utc:
            start, end = (datetime.combine(each, time()) for each in (day, following))
        return {"day": day, "start": start, "end": end}

    def written(self, kind: Kind, instant: datetime) -> Bound:
        """A time as a column of that kind has it; a date for DATE."""
        if kind in (Kind.EPOCH, Kind.EPOCH_MS):
            return int(instant.timestamp()) * (1000 if kind is Kind.EPOCH_MS else 1)
        if kind is Kind.INSTANT:
            return instant.astimezone(UTC)
        local = instant.astimezone(UTC if self.is_utc else self.local)
        return local.date() if kind is Kind.DATE else local.replace(tzinfo=None)

    def no_later(self, kind: Kind, instant: datetime) -> Bound:
        """A bound that is not above any column value of that time or later, also when the clocks are put back."""
        if kind is not Kind.TIME:
            return self.written(kind, instant)
        zone = UTC if self.is_utc else self.local
        now, later = (each.astimezone(zone).replace(tzinfo=None) for each in (instant, instant + _LONGEST_FOLD))
        return min(now, later - _LONGEST_FOLD)

    def instant(self, kind: Kind, text: str) -> datetime:
        """The UTC time that a column of that kind shows, the later one if a local time is two. Raises ValueError."""
        if kind in (Kind.EPOCH, Kind.EPOCH_MS):
            return datetime.fromtimestamp(int(text) / (1000 if kind is Kind.EPOCH_MS else 1), UTC)
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            zone = UTC if self.is_utc or kind is Kind.INSTANT else self.local
            found = found.replace(tzinfo=zone, fold=1)
        return found.astimezone(UTC).replace(fold=0)

    def business_date(self, kind: Kind, text: str) -> date:
        """The business date of what a column of that kind shows. Raises ValueError."""
        if kind is Kind.DATE or (kind is Kind.TIME and not self.is_utc):
            return datetime.fromisoformat(text).date()
        return self.instant(kind, text).astimezone(self.local).date()


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def as_texts(rows: Sequence[Sequence[object]]) -> list[tuple[str | None, ...]]:
    """Rows of a driver that has other types than texts, a column at a time: the values of most are all alike."""
    columns = [_column_as_texts(column) for column in zip(*rows, strict=True)]
    return list(zip(*columns, strict=True))


def _column_as_texts(column: Sequence[Any]) -> Sequence[str | None]:
    kinds = {*map(type, column)}
    if kinds <= {str, type(None)}:
        return column
    if kinds <= {bytes, type(None)}:
        try:
            return [None if value is None else value.decode() for value in column]
        except UnicodeDecodeError:
            pass
    return [as_text(value) for value in column]


def as_text(value: object) -> str | None:
    """A value as text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):  # the shortest text that is this float, without an exponent
        return format(Decimal(repr(value)), "f")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return readable(value) if isinstance(value, bytes) else str(value)


def readable(data: bytes) -> str:
    """Text of a database that does not check its encoding. One that is not UTF-8 ends with U+001A.

    The contract rejects that character, so a damaged id is never taken for another one.
    """
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode(errors="backslashreplace") + "\x1a"


def zone_of(source: SourceDefinition) -> Zone:
    """The time zone of a source's business dates, and what its times without a zone mean."""
    return Zone(ZoneInfo(source.time_zone), source.read.times_without_zone == "utc")
