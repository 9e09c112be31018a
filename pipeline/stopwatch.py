"""How long the parts of a run take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Stopwatch:
    """Seconds per stage; stages overlap, so they add up to more than the total."""

    began: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Time a block."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = time.monotonic() - began

    def done(self) -> dict[str, float]:
        """All stages, and the time since the start as `total`."""
        return {**self.seconds, "total": time.monotonic() - self.began}
