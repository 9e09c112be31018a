"""What the user sees while the platform starts and stops: one line per step, with its time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console


class Progress:
    """Prints steps as they end; safe to use from several threads."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._clock = clock
        self.began = clock()

    def seconds(self) -> float:
        """Seconds since the start."""
        return self._clock() - self.began

    def say(self, text: str) -> None:
        """Print a line with the time since the start."""
        self.console.print(f"[dim]{self.seconds():5.1f} s[/dim]  {text}")

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Print the step and how long it took, when it succeeded."""
        before = self._clock()
        yield
        self.say(f"[green]✓[/green] {text} [dim]({self._clock() - before:.1f} s)[/dim]")
