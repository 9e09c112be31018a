"""Local times of a time zone as UTC, for whole columns: the zone's offsets between two years as a few intervals.

The same rules as `ingestion.normalizers.times`: a time that the clocks skipped does not exist, and of a time that they
showed twice the first is meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_STEP = timedelta(days=1)
_SECOND = timedelta(seconds=1)


def local_intervals(zone: ZoneInfo, first_year: int, last_year: int) -> list[tuple[datetime, int | None]]:
    """Where local time begins to stand at another distance from UTC: (naive local time, seconds east of UTC).

    None for the distance: the local times from here to the next entry do not exist. Ascending, from before the first
    year on.
    """
    start = datetime(max(first_year - 1, 2), 1, 1, tzinfo=UTC)
    end = datetime(min(last_year + 2, 9998), 1, 1, tzinfo=UTC)
    offset = _offset(start, zone)
    found: list[tuple[datetime, int | None]] = [(datetime.min, _seconds(offset))]  # noqa: DTZ901 - local, on purpose
    for moment, after in _changes(start, end, zone):
        ends, begins = _local(moment, offset), _local(moment, after)
        if begins > ends:
            found.append((ends, None))
        found.append((max(ends, begins), _seconds(after)))
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
