"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_until(reached: Callable[[], Found], seconds: float) -> Found:
    """What `reached` answers as soon as that is something; AssertionError when it does not come."""
    deadline = time.monotonic() + seconds
    while not (answer := reached()):
        assert time.monotonic() < deadline, f"not reached in {seconds:.0f} s"
        time.sleep(0.2)
    return answer
