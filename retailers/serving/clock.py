"""The retailer's clock: real time, or a moment at which it stands still."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime


def system_time() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)


class Clock:
    """What the retailer takes for now. Setting it is one assignment, so threads need no lock."""

    def __init__(self, fixed: datetime | None = None, real: Callable[[], datetime] = system_time) -> None:
        self._fixed = fixed
        self._real = real

    @property
    def is_fixed(self) -> bool:
        """Whether it stands still."""
        return self._fixed is not None

    def now(self) -> datetime:
        """Now in UTC, to the second."""
        return (self._fixed or self._real()).astimezone(UTC).replace(microsecond=0)

    def set(self, moment: datetime | None) -> None:
        """Stop at a moment, or run again with None."""
        self._fixed = moment
