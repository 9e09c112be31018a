"""Caches how long a date's listing is and where its pages begin, as long as the listing cannot change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

Length = tuple[int, datetime | None]
"""A number of lines, and when it may change next; None: never."""
_FROM_THE_START = {"after_time": "-infinity", "after_place": -1}


@dataclass
class DayListing:
    """The listing of a date between two changes of its sales. `_marks`: the last line before an offset."""

    taken_at: datetime
    lines: int
    next_change: datetime | None
    _marks: dict[int, tuple[object, object]] = field(default_factory=dict)

    def values(self, offset: int, limit: int) -> Mapping[str, object]:
        """Values to bind for reading from an offset: after the line before it if that is known, else with OFFSET."""
        mark = self._marks.get(offset)
        if mark is None:
            return {**_FROM_THE_START, "offset": offset, "limit": limit}
        return {"after_time": mark[0], "after_place": mark[1], "offset": 0, "limit": limit}

    def remember(self, offset: int, rows: Sequence[Sequence[object]]) -> None:
        """Remember where the page after these rows begins. The last two fields of a row are its time and position."""
        if rows:
            self._marks[offset + len(rows)] = (rows[-1][-2], rows[-1][-1])


class DayListings:
    """Listings by date. A listing is valid from when it was measured until the next change of that date."""

    def __init__(self) -> None:
        self._known: dict[date, DayListing] = {}
        self._changes = 0

    def get(self, day: date, now: datetime, measure: Callable[[], Length]) -> DayListing:
        """The listing at a time; measured again only if it may have changed."""
        known = self._known.get(day)
        if known is not None and known.taken_at <= now and (known.next_change is None or now < known.next_change):
            return known
        changes = self._changes
        listing = DayListing(now, *measure())
        if changes == self._changes:
            self._known[day] = listing
        return listing

    def forget(self) -> None:
        """Forget all listings, because sales were changed outside the generator."""
        self._changes += 1
        self._known.clear()
