"""The retailer's clock: real time, or a fixed time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime


def system_time() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)


class Clock:
    """The retailer's current time. Setting it is one assignment, so threads need no lock."""

    def __init__(self, fixed: datetime | None = None, real: Callable[[], datetime] = system_time) -> None:
        self._fixed = fixed
        self._real = real

    @property
    def is_fixed(self) -> bool:
        """Whether the time is fixed."""
        return self._fixed is not None

    def now(self) -> datetime:
        """Now in UTC, to the second."""
        return (self._fixed or self._real()).astimezone(UTC).replace(microsecond=0)

    def set(self, time: datetime | None) -> None:
        """Stop the clock at a time, or let it run again with None."""
        self._fixed = time
