"""Times of JSON rows that need no reading by query: all of a batch are written well.

Those of local clocks, and business dates, also need one offset from UTC for all of them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from ingestion.mapping.layout_parts import Dates
from ingestion.mapping.sql_text import literal
from ingestion.mapping.times import HOUR_AND_MINUTE, exact_pattern
from ingestion.mapping.zones import Interval, local_intervals

_RFC_3339 = re.compile(
    f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{HOUR_AND_MINUTE}(?::[0-5][0-9](?:[.][0-9]{{1,6}})?)?(?:Z|[+-]{HOUR_AND_MINUTE})"
)
_EPOCH = re.compile("-?[0-9]{1,11}")
_STRPTIME = re.compile("(?:%[YmdHMS]|[^%])+")
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
_MOST_TEXTS = 2_000
"""Above so many distinct texts of a strptime format, a query reads them faster than Python does."""


@dataclass(frozen=True)
class PlainTimes:
    """SQL of a column's times."""

    value: str
    """In UTC."""
    business_date: str | None
    """None where the offset changes among them."""


def plain_times(form: str, texts: Sequence[str], cell: str, zone: ZoneInfo, dates: Dates) -> PlainTimes | None:
    """The distinct `texts` of a column as times in one of the formats of layouts; None if a query has to read them.

    `cell` is the SQL of a text, '' for a null.
    """
    if form == "rfc3339":
        return _with_offset(texts, cell, dates)
    if form == "epoch":
        return _seconds(texts, cell, zone, dates)
    if len(texts) <= _MOST_TEXTS and {"%Y", "%m", "%d"} <= {*re.findall("%.", form)} and _STRPTIME.fullmatch(form):
        return _local(form, texts, cell, zone, dates)
    return None


def _with_offset(texts: Sequence[str], cell: str, dates: Dates) -> PlainTimes | None:
    if not all(map(_RFC_3339.fullmatch, texts)):
        return None
    days = {text[:10] for text in texts}
    if not all(map(_is_date, days)) or not _within(dates, days):
        return None
    return PlainTimes(f"nullif({cell}, '')::TIMESTAMPTZ", f"left(nullif({cell}, ''), 10)::DATE")


def _seconds(texts: Sequence[str], cell: str, zone: ZoneInfo, dates: Dates) -> PlainTimes | None:
    if not texts or not all(map(_EPOCH.fullmatch, texts)):
        return None
    numbers = list(map(int, texts))
    try:
        ends = [datetime.fromtimestamp(seconds, zone) for seconds in (min(numbers), max(numbers))]
    except (ValueError, OverflowError, OSError):
        return None
    if not _within(dates, [end.date().isoformat() for end in ends]):
        return None
    seconds = f"nullif({cell}, '')::BIGINT"
    at = [end.astimezone(UTC).replace(tzinfo=None) for end in ends]
    offset = _one_offset(zone, at, lambda interval: interval.utc_from if interval.offset_seconds is not None else None)
    return PlainTimes(
        f"make_timestamp({seconds} * 1000000)::TIMESTAMPTZ",
        None if offset is None else f"make_timestamp(({seconds} + {offset}) * 1000000)::DATE",
    )


def _local(form: str, texts: Sequence[str], cell: str, zone: ZoneInfo, dates: Dates) -> PlainTimes | None:
    if not texts or not all(map(re.compile(exact_pattern(form)).fullmatch, texts)):
        return None
    try:
        times = [_parsed(form, text) for text in texts]
    except (ValueError, re.error):  # also a format that names a part twice
        return None
    ends = [min(times), max(times)]
    offset = _one_offset(zone, ends, lambda interval: interval.local_from)
    if offset is None or not _within(dates, [end.date().isoformat() for end in ends]):
        return None
    local = f"strptime(nullif({cell}, ''), {literal(form)})"
    return PlainTimes(f"({local} - to_seconds({offset}))::TIMESTAMPTZ", f"{local}::DATE")


@lru_cache(maxsize=20_000)
def _parsed(form: str, text: str) -> datetime:
    return datetime.strptime(text, form)  # noqa: DTZ007 - local, as the text


def _one_offset(zone: ZoneInfo, ends: Sequence[datetime], begins: Callable[[Interval], datetime | None]) -> int | None:
    """The offset from UTC in seconds between two naive times; None if it is not the same for all of them."""
    first, last = ends
    if first.year < _FIRST_YEAR or last.year > _LAST_YEAR:
        return None
    intervals = [each for each in local_intervals(zone, first.year, last.year) if begins(each) is not None]
    begin = [begins(each) for each in intervals]
    if (position := bisect_right(begin, first)) != bisect_right(begin, last):  # type: ignore[type-var]
        return None
    return intervals[position - 1].offset_seconds


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return "0002" <= text[:4] <= "9998"


def _within(dates: Dates, days: Iterable[str]) -> bool:
    return all(dates.first <= day <= dates.last for day in days)
