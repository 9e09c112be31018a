"""Runs one program until it ends, or until whoever started us is gone: `supervisor.py DIRECTORY COMMAND…`.

Our standard input is a pipe of which the platform's process has the other end. However that process ends, the kernel
closes the pipe. Then the program is ended with everything that it started, and DIRECTORY is deleted, in which are its
configuration and its secrets. If we are killed ourselves, the kernel kills the program.

Standard library only, and imported by nothing: it starts in a few milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

_GRACE_SECONDS = 2.0
_PR_SET_PDEATHSIG = 1
_OF_A_SIGNAL = 128


def main(directory: str, command: list[str]) -> int:
    """The program's exit status; that of a shell if a signal ended it."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # only Linux has it
    child = subprocess.Popen(  # noqa: S603 - the command of a source's definition
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=prctl and (lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)),
    )
    try:
        threading.Thread(target=_end_with_parent, args=(child,), daemon=True).start()
        status = child.wait()
        _signal(child.pid, signal.SIGKILL)  # what it left behind
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return status if status >= 0 else _OF_A_SIGNAL - status


def _end_with_parent(child: subprocess.Popen[bytes]) -> None:
    os.read(0, 1)
    _signal(child.pid, signal.SIGTERM)
    until = time.monotonic() + _GRACE_SECONDS
    while child.returncode is None and time.monotonic() < until:
        time.sleep(0.02)
    _signal(child.pid, signal.SIGKILL)


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
