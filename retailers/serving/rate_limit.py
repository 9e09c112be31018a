"""A token bucket over all requests of a server."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock


class RateLimit:
    """`rate` requests a second, and up to twice as many at once; 0 means no limit."""

    def __init__(self, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._now = rate, now
        self._tokens, self._at = 2 * rate, now()
        self._lock = Lock()

    def wait_needed(self) -> float:
        """Take a token and return 0. If there is none, return the seconds until there is one."""
        if not self._rate:
            return 0.0
        with self._lock:
            now = self._now()
            self._tokens = min(2 * self._rate, self._tokens + (now - self._at) * self._rate)
            self._at = now
            if self._tokens >= 1:
                self._tokens -= 1
                return 0.0
            return (1 - self._tokens) / self._rate
