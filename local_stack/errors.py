"""The errors of the local platform: its own, and those of a directory that it cannot write to."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from shared.errors import FixConfiguration
from shared.scratch import unwritable


class StackError(FixConfiguration):
    """A part of the local platform cannot start or stop, and the message says what to do about it."""

    exit_code = 1


def check_writable(directory: Path) -> None:
    """Raises StackError if a command could not record in a directory what it does; nothing has been done then."""
    if not os.access(directory, os.W_OK | os.X_OK):
        number = errno.EROFS if os.statvfs(directory).f_flag & os.ST_RDONLY else errno.EACCES
        reason = not_writable(OSError(number, os.strerror(number), str(directory)))
        raise StackError(f"{reason}. Nothing was started or stopped.")


def not_writable(error: OSError) -> str | None:
    """What keeps a file of the platform from being written, and what to do; None for any other error."""
    place = error.filename or "the checkout"
    if error.errno == errno.EROFS:
        return f"{place} is on a file system that may only be read. Mount it so that it can be written, then try again"
    if error.errno not in (errno.EACCES, errno.EPERM):
        return str(full) if (full := unwritable(error)) else None
    if _owner(place) == os.geteuid():
        return f"{place} may not be written ({error.strerror}), although it is yours. Run: chmod -R u+rwX .local"
    return (
        f"{place} belongs to another user, who ran the platform here before. Use a clone of your own, or let that user"
        " run: make clean"
    )


def _owner(place: str | bytes | int) -> int | None:
    """Who owns a file, or the directory that it would be in; None where that cannot be seen."""
    path = Path(os.fsdecode(place)) if not isinstance(place, int) else Path()
    for each in (path, *path.absolute().parents):
        with suppress(FileNotFoundError, NotADirectoryError):
            try:
                return each.stat().st_uid
            except PermissionError:
                continue
    return None
