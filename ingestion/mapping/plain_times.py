"""Times of JSON rows that need no reading by query: they are written well, and have the same offset from UTC."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ingestion.mapping.layout_parts import Dates
from ingestion.mapping.sql_text import literal
from ingestion.mapping.times import HOUR_AND_MINUTE, exact_pattern
from ingestion.mapping.zones import local_intervals

_RFC_3339 = re.compile(
    f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{HOUR_AND_MINUTE}(?::[0-5][0-9](?:[.][0-9]{{1,6}})?)?(?:Z|[+-]{HOUR_AND_MINUTE})"
)
_EPOCH = re.compile("-?[0-9]{1,11}")
_STRPTIME = re.compile("(?:%[YmdHMS]|[^%])+")
_ZONE_YEARS = range(1900, 2201)
_MOST_TEXTS = 2_000
"""Above so many distinct texts of a strptime format, a query reads them faster than Python does."""


@dataclass(frozen=True)
class PlainTimes:
    """How to read the times of a column that are plain."""

    is_plain: Callable[[str], bool]
    value: str
    """SQL of the time in UTC."""
    business_date: str = ""
    """SQL of the business date; empty where it was not wanted."""


def plain_times(
    form: str, texts: Sequence[str], cell: str, zone: ZoneInfo, dates: Dates, *, is_dated: bool
) -> PlainTimes | None:
    """How the distinct `texts` of a column are read if they are plain; None: a query has to read all of them.

    `cell` is the SQL of a text. `is_dated`: their business dates are wanted, too.
    """
    within = _Range(dates)
    if form == "rfc3339":
        return _with_offset(cell, within)
    if form == "epoch":
        return _seconds(texts, cell, zone, within, is_dated=is_dated)
    if len(texts) <= _MOST_TEXTS and {"%Y", "%m", "%d"} <= {*re.findall("%.", form)} and _STRPTIME.fullmatch(form):
        return _local(form, texts, cell, zone, within)
    return None


class _Range:
    """The dates that are wanted. Those at its ends are left to the query, whatever the zone."""

    def __init__(self, dates: Dates) -> None:
        self.first, self.last = dates.first, dates.last
        self._known: dict[str, bool] = {}

    def has(self, day: str) -> bool:
        """Whether a text of the form 2024-01-15 is a date in the range."""
        if day not in self._known:
            self._known[day] = self.first < day < self.last and _is_date(day)
        return self._known[day]

    def seconds(self) -> range:
        """Seconds since 1970 that are surely in the range."""
        first, last = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (self.first, self.last))
        day, epoch = timedelta(days=2), datetime(1970, 1, 1, tzinfo=UTC)
        return range(int((first + day - epoch).total_seconds()), int((last - day - epoch).total_seconds()))


def _with_offset(cell: str, within: _Range) -> PlainTimes:
    def is_plain(text: str) -> bool:
        return _RFC_3339.fullmatch(text) is not None and within.has(text[:10])

    return PlainTimes(is_plain, f"TRY_CAST(nullif({cell}, '') AS TIMESTAMPTZ)", f"TRY_CAST(left({cell}, 10) AS DATE)")


def _seconds(texts: Sequence[str], cell: str, zone: ZoneInfo, within: _Range, *, is_dated: bool) -> PlainTimes | None:
    seconds = within.seconds()
    number = f"TRY_CAST({cell} AS BIGINT)"
    value = f"make_timestamp({number} * 1000000)::TIMESTAMPTZ"

    def is_second(text: str) -> bool:
        return _EPOCH.fullmatch(text) is not None and int(text) in seconds

    if not is_dated:
        return PlainTimes(is_second, value)
    first = next(filter(is_second, texts), None)
    if first is None:
        return None
    interval = _interval(zone, datetime.fromtimestamp(int(first), UTC).replace(tzinfo=None), is_local=False)
    if interval is None:
        return None
    begins, ends = ((each.replace(tzinfo=UTC)).timestamp() for each in (interval.begins, interval.ends))
    return PlainTimes(
        lambda text: is_second(text) and begins <= int(text) < ends,
        value,
        f"make_timestamp(({number} + {interval.offset_seconds}) * 1000000)::DATE",
    )


def _local(form: str, texts: Sequence[str], cell: str, zone: ZoneInfo, within: _Range) -> PlainTimes | None:
    try:
        pattern = re.compile(exact_pattern(form))
    except re.error:  # it names a part twice
        return None

    def parsed(text: str) -> datetime | None:
        found = _parsed(form, text) if pattern.fullmatch(text) else None
        return found if found is not None and within.has(found.date().isoformat()) else None

    first = next(filter(None, map(parsed, texts)), None)
    interval = _interval(zone, first, is_local=True) if first is not None else None
    if interval is None:
        return None

    def is_plain(text: str) -> bool:
        time = parsed(text)
        return time is not None and interval.begins <= time < interval.ends

    local = f"try_strptime(nullif({cell}, ''), {literal(form)})"
    return PlainTimes(is_plain, f"({local} - to_seconds({interval.offset_seconds}))::TIMESTAMPTZ", f"{local}::DATE")


@dataclass(frozen=True)
class _Interval:
    """Naive times, local ones or in UTC, that have one offset."""

    begins: datetime
    ends: datetime
    offset_seconds: int


def _interval(zone: ZoneInfo, time: datetime, *, is_local: bool) -> _Interval | None:
    """The interval that a time is in; None where the clocks skipped it, and far from the present."""
    if time.year not in _ZONE_YEARS:
        return None
    found = [
        (each.local_from if is_local else each.utc_from, each.offset_seconds)
        for each in local_intervals(zone, time.year, time.year)
        if is_local or each.offset_seconds is not None
    ]
    position = bisect_right([begins for begins, _ in found], time)
    begins, offset = found[position - 1]
    # What comes after the last change that was looked for is only known until the end of the next year.
    ends = found[position][0] if position < len(found) else datetime(time.year + 1, 1, 1)  # noqa: DTZ001 - as `time`
    return None if offset is None else _Interval(max(begins, datetime(time.year, 1, 1)), ends, offset)  # noqa: DTZ001


@lru_cache(maxsize=20_000)
def _parsed(form: str, text: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - local, as the text
    except ValueError:
        return None


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
