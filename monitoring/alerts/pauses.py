"""Channels that are left out for a while, because the last message to them took long and failed.

A channel that hangs takes the complete time limit for each message. A run with thirty alerts would wait five minutes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from monitoring.alerts.channels import Channel

SLOW_SECONDS = 3.0
"""A failure that took at least this long pauses the channel. One that is rejected at once costs nothing."""
PAUSE_SECONDS = 60.0


class Pauses:
    """Until when each channel is left out, in this process. May be used by several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        """In seconds. Never the time of day, which an administrator may set back."""
        self._until: dict[str, float] = {}

    def add(self, channel: Channel) -> None:
        """Leave the channel out from now on."""
        self._until[channel.url] = self.clock() + PAUSE_SECONDS

    def reason(self, channel: Channel) -> str | None:
        """Why nothing is sent to the channel at present; None if it is not left out."""
        left = self._until.get(channel.url, -math.inf) - self.clock()
        if left <= 0:
            return None
        return f"it failed slowly a short while ago, so nothing is sent to it for {math.ceil(left)} s"
