"""Local times of a time zone as UTC, for whole columns: the zone's offsets between two years as a few intervals.

The same rules as `ingestion.normalizers.times`: a time that the clocks skipped does not exist, and of a time that they
showed twice the first is meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

_EVER = datetime(1, 1, 1)  # noqa: DTZ001 - local, as all that is compared with it
_STEP = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class Interval(NamedTuple):
    """From here on local time stands so many seconds east of UTC."""

    local_from: datetime
    """Naive local time from which texts are read so."""
    utc_from: datetime
    """Naive UTC from which clocks go so."""
    offset_seconds: int | None
    """None: the local times from here to the next interval do not exist."""


def local_intervals(zone: ZoneInfo, first_year: int, last_year: int) -> list[Interval]:
    """A zone's intervals, ascending, from before the first year to after the last."""
    start = datetime(max(first_year - 1, 2), 1, 1, tzinfo=UTC)
    end = datetime(min(last_year + 2, 9998), 1, 1, tzinfo=UTC)
    offset = _offset(start, zone)
    found = [Interval(_EVER, _EVER, _seconds(offset))]
    for moment, after in _changes(start, end, zone):
        ends, begins = _local(moment, offset), _local(moment, after)
        if begins > ends:
            found.append(Interval(ends, moment.replace(tzinfo=None), None))
        found.append(Interval(max(ends, begins), moment.replace(tzinfo=None), _seconds(after)))
        offset = after
    return found


def _changes(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, timedelta]]:
    moment, offset = start, _offset(start, zone)
    while moment < end:
        later = moment + _STEP
        if _offset(later, zone) != offset:
            early, late = moment, later
            while late - early > _SECOND:
                middle = early + timedelta(seconds=int((late - early).total_seconds()) // 2)
                early, late = (middle, late) if _offset(middle, zone) == offset else (early, middle)
            offset = _offset(late, zone)
            yield late, offset
            later = late
        moment = later


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _seconds(offset: timedelta) -> int:
    return int(offset.total_seconds())


def _local(moment: datetime, offset: timedelta) -> datetime:
    return (moment + offset).replace(tzinfo=None)
