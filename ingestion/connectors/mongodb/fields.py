"""What is in the field that decides the business date, and in that of the last change: dates, texts or numbers.

MongoDB compares a value with values of its own type only. A document whose date is a text, where that of others is a
date, would be on no day, so it stops the run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from bson import DatetimeMS, Decimal128, Int64

from ingestion.connectors.sql.columns import Bound, Kind

_FIRST_MILLISECONDS = 100_000_000_000
"""A larger number of a time is in milliseconds: as seconds, it would be in the year 5138 or later."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ])[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z?)")
_TYPES: dict[type[Any], str] = {
    **dict.fromkeys((datetime, DatetimeMS), "a date"),
    str: "a text",
    **dict.fromkeys((int, Int64, float, Decimal128), "a number"),
    bool: "true or false",
    dict: "an object",
    list: "an array",
}
_IN_QUERIES = {"a date": "date", "a text": "string", "a number": "number"}


@dataclass(frozen=True)
class TimeField:
    """A field with a date or a time, in all documents in the same form."""

    name: str
    kind: Kind = Kind.INSTANT
    separator: str = ""
    """What is between date and time of a text; empty if it is not a text with a time."""
    type: str = "date"
    """Its type as queries name it."""

    def written(self, bound: Bound) -> Any:
        """A bound as the field has it."""
        if self.type == "string" and isinstance(bound, datetime):
            naive = bound.astimezone(UTC).replace(tzinfo=None) if bound.tzinfo else bound
            return naive.isoformat(sep=self.separator, timespec="seconds")
        return bound.isoformat() if self.type == "string" and isinstance(bound, date) else bound

    @property
    def minute(self) -> Any:
        """The expression of a value's minute, so that documents can be grouped."""
        if self.type == "date":
            return {"$dateToString": {"date": f"${self.name}", "format": "%Y-%m-%dT%H:%M:00Z"}}
        if self.type == "string":
            return {"$substrBytes": [f"${self.name}", 0, len("2024-01-15T09:30")]}
        step = 60_000 if self.kind is Kind.EPOCH_MS else 60
        return {"$subtract": [f"${self.name}", {"$mod": [f"${self.name}", step]}]}


def time_field(name: str, first: Any, last: Any) -> TimeField:
    """The form of a field, by the least and the greatest of its values. Raises ValueError that says what is wrong."""
    types = [_TYPES.get(type(each), type(each).__name__) for each in (first, last)]
    if types[0] != types[1]:
        raise ValueError(f"is {types[0]} in some documents and {types[1]} in others")
    if types[0] == "a date":
        return TimeField(name)
    if types[0] not in _IN_QUERIES:
        raise ValueError(f"is {types[0]}, not a time")
    form = _of_text(name, first) if types[0] == "a text" else _of_number(name, first)
    if form != (_of_text(name, last) if types[0] == "a text" else _of_number(name, last)):
        raise ValueError(f"has times in several forms, such as {first!r:.40} and {last!r:.40}")
    return form


def _of_text(name: str, text: str) -> TimeField:
    if _DATE.fullmatch(text):
        return TimeField(name, Kind.DATE, type="string")
    if found := _TIME.fullmatch(text):
        return TimeField(name, Kind.INSTANT if found[4] else Kind.TIME, found[1], "string")
    raise ValueError(f"has a text that is neither a date nor a time, such as {text!r:.40}")


def _of_number(name: str, value: Any) -> TimeField:
    number = float(value.to_decimal() if isinstance(value, Decimal128) else value)
    return TimeField(name, Kind.EPOCH_MS if abs(number) >= _FIRST_MILLISECONDS else Kind.EPOCH, type="number")
