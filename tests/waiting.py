"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_until(reached: Callable[[], Found], seconds: float, *, every: float = 0.2) -> Found:
    """Call `reached` until its result is true, and return that. Raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (result := reached()):
        assert time.monotonic() < deadline, f"not reached in {seconds:.0f} s"
        time.sleep(every)
    return result
