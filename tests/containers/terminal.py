"""A command at a terminal of its own, to press Ctrl-C there."""

from __future__ import annotations

import fcntl
import os
import pty
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

CTRL_C = b"\x03"


class Terminal:
    """The command's terminal: what it showed, keys to press, how it ended."""

    def __init__(self, command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> None:
        self._keyboard, screen = pty.openpty()
        self.process = subprocess.Popen(
            command,
            cwd=directory,
            env={**environment, "TERM": "dumb"},
            stdin=screen,
            stdout=screen,
            stderr=screen,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(screen)
        os.set_blocking(self._keyboard, False)
        self.shown = ""

    def press(self, keys: bytes) -> None:
        """Type these keys."""
        os.write(self._keyboard, keys)

    def wait_until(self, reached: Callable[[str], bool], seconds: float) -> None:
        """Read the screen until it shows what is waited for."""
        deadline = time.monotonic() + seconds
        while not reached(self.shown):
            assert time.monotonic() < deadline, f"after {seconds:.0f} s the terminal shows:\n{self.shown}"
            time.sleep(0.05)
            self._read()

    def status(self, seconds: float) -> int:
        """The command's exit status, when it ends in time."""
        self.wait_until(lambda _: self.process.poll() is not None, seconds)
        self._read()
        os.close(self._keyboard)
        return self.process.returncode

    def _read(self) -> None:
        try:
            while piece := os.read(self._keyboard, 65536):
                self.shown += piece.decode(errors="replace")
        except OSError:  # nothing to read now, or the other side is closed
            return
