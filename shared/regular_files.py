"""Opens files that a user names: regular files only, and no more of one than it held when it was opened.

A pipe may wait for a writer for ever, a device may have no end, and a file may grow as fast as it is read. Everything
that is wrong with a file is an OSError whose `strerror` says it, as for a file that is missing.

Python 3.8, standard library only: scripts/generate_env.py reads files before anything is installed.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import Any

MOST_CHARACTERS = 1024 * 1024
"""Of a file with settings. None is a tenth as long, and YAML of this length already takes seconds."""
_REMEDY = "save its content to a regular file first"
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def is_there(path: Path) -> bool:
    """Whether there is something to read, of whatever kind, other than a directory."""
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file to be read up to the size that it has now. Raises OSError, also when it is not a regular file."""
    _check_kind(path, path.stat().st_mode)  # before it is opened: opening a pipe or a device has effects
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # it may have been replaced by a pipe meanwhile
    try:
        found = os.fstat(descriptor)
        _check_kind(path, found.st_mode)
        if not found.st_size:
            _check_is_empty(path, descriptor)
        return io.BufferedReader(_UpToSize(descriptor, found.st_size))
    except BaseException:
        os.close(descriptor)
        raise


def read_text(path: Path, errors: str = "strict") -> str:
    """The UTF-8 text of a file with settings. Raises OSError, also for one that is too long, or UnicodeDecodeError."""
    # Editors on Windows begin a file with a byte order mark, which would become a part of the first name or secret.
    with io.TextIOWrapper(open_regular(path), encoding="utf-8-sig", errors=errors) as file:
        text = file.read(MOST_CHARACTERS + 1)
    if len(text) > MOST_CHARACTERS:
        raise OSError(errno.EINVAL, f"it has more than {MOST_CHARACTERS:,} characters", str(path))
    return text


class _UpToSize(io.RawIOBase):
    """A file that ends where it ended when it was opened."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._file = io.FileIO(descriptor)
        self._left = size

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(memoryview(buffer)[: self._left]) or 0
        self._left -= count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _check_kind(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
        remedy = "" if stat.S_ISDIR(mode) else f"; {_REMEDY}"
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(number, f"it is {kind}, not a regular file{remedy}", str(path))


def _check_is_empty(path: Path, descriptor: int) -> None:
    """Files that the system makes while they are read, as in /proc, claim to have no bytes; some never end."""
    try:
        is_empty = not os.read(descriptor, 1)
    except BlockingIOError:
        is_empty = False
    if not is_empty:
        raise OSError(errno.EINVAL, f"its size is not known, as of files in /proc; {_REMEDY}", str(path))
