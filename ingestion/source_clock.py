"""How far the times that a source states are trusted: never beyond our own clock.

A source whose clock is wrong once, and says 2099, must not keep us from reading what it changes until then. Each rule
is deterministic where a landed record depends on it, so that landing a date twice still gives the same records.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MARGIN = timedelta(minutes=10)
"""Commits and clocks lag: what a source changed in the last minutes may not be in its listings yet, and two clocks that
differ by less are not wrong."""
RECORD_MARGIN = timedelta(days=1)
"""A time of a record may be this far in the future: a source that confuses time zones is wrong by up to 14 hours."""
ANY_TIME = datetime(9998, 1, 1, tzinfo=UTC)
"""In place of the time of a change whose own time cannot be read: no partition certainly contains it, so its dates are
read again."""
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def read_until(as_of: datetime, requested_at: datetime) -> datetime:
    """Up to when changes count as read, by a list that the source calls complete as of `as_of`.

    `requested_at` is our own time before the list was requested.
    """
    return max(min(as_of, requested_at - MARGIN), _EARLIEST)


def is_ahead(time: datetime, now: datetime) -> bool:
    """Whether a source states a time that is in the future by our clock."""
    return time > now + MARGIN


def ahead_of_our_clock(source_id: str, what: str, time: datetime, now: datetime) -> str:
    """The message about a time in the future. `what` states it: `its clock says`."""
    return (
        f"{source_id}: {what} {_shown(time)}, but by our clock it is {_shown(now)}. Times in the future are not"
        " trusted. Have the source's clock corrected, or correct ours."
    )


def _shown(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
