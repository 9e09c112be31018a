"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_until(reached: Callable[[], Found], seconds: float, *, every: float = 0.2) -> Found:
    """What `reached`, asked every so many seconds, answers as soon as that is something; else AssertionError."""
    deadline = time.monotonic() + seconds
    while not (answer := reached()):
        assert time.monotonic() < deadline, f"not reached in {seconds:.0f} s"
        time.sleep(every)
    return answer
