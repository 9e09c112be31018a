"""Converts columns of local times to UTC: a time zone's offsets between two years as a few intervals.

The same rules as in `ingestion.connectors.values.times`: a time that the clocks skipped does not exist, and a time that
they showed twice is the first of the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

_EVER = datetime(1, 1, 1)  # noqa: DTZ001 - local, as all that is compared with it
_STEP = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class Interval(NamedTuple):
    """An interval with one offset from UTC, in seconds."""

    local_from: datetime
    """Naive local time at which the interval begins."""
    utc_from: datetime
    """Naive UTC at which the interval begins."""
    offset_seconds: int | None
    """None: the local times in this interval do not exist."""


@lru_cache(maxsize=64)
def local_intervals(zone: ZoneInfo, first_year: int, last_year: int) -> Sequence[Interval]:
    """A zone's intervals, ascending, from before the first year to after the last."""
    start = datetime(max(first_year - 1, 2), 1, 1, tzinfo=UTC)
    end = datetime(min(last_year + 2, 9998), 1, 1, tzinfo=UTC)
    offset = _offset(start, zone)
    found = [Interval(_EVER, _EVER, _seconds(offset))]
    for instant, after in _changes(start, end, zone):
        ends, begins = _local(instant, offset), _local(instant, after)
        if begins > ends:
            found.append(Interval(ends, instant.replace(tzinfo=None), None))
        found.append(Interval(max(ends, begins), instant.replace(tzinfo=None), _seconds(after)))
        offset = after
    return found


def _changes(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, timedelta]]:
    instant, offset = start, _offset(start, zone)
    while instant < end:
        later = instant + _STEP
        if _offset(later, zone) != offset:
            early, late = instant, later
            while late - early > _SECOND:
                middle = early + timedelta(seconds=int((late - early).total_seconds()) // 2)
                early, late = (middle, late) if _offset(middle, zone) == offset else (early, middle)
            offset = _offset(late, zone)
            yield late, offset
            later = late
        instant = later


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)


def _seconds(offset: timedelta) -> int:
    return int(offset.total_seconds())


def _local(instant: datetime, offset: timedelta) -> datetime:
    return (instant + offset).replace(tzinfo=None)
