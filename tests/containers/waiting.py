"""Waiting for what containers do."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(reached: Callable[[], bool], seconds: float) -> None:
    """Return as soon as it is so; AssertionError when it does not come."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"not reached in {seconds:.0f} s"
        time.sleep(0.2)
