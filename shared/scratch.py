"""Temporary folders, each of one piece of work.

A killed process leaves its folder. The next process that needs a folder removes it, and so does the maintenance, if it
has the same user: in containers, Airflow and the stages share `/tmp` but not the user.

A process holds a lock on its folder, which the kernel releases when the process is gone, however it ended. Unlike the
id of a process, a lock means the same in every container, and nothing else ever has it again.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from pathlib import Path

from shared.errors import FixConfiguration

_PREFIX = "retail-scratch-"
"""Differs from the prefix of versions without locks."""
_PREFIX_WITHOUT_LOCKS = "retail-work-"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL_TO_DUCKDB = re.compile("max_temp_directory_size|No space left")


@contextmanager
def scratch_directory(parent: Path | None = None) -> Iterator[Path]:
    """An empty folder, which is deleted at the end of the block. It is in `parent`, else with all temporary files.

    Raises FixConfiguration if it cannot be made.
    """
    try:
        place = Path(parent or tempfile.gettempdir())
        _remove_abandoned_once(place)
        directory, lock = _make(place)
    except OSError as error:
        # When nothing can be written anywhere, this is "No usable temporary directory found in […]".
        raise FixConfiguration(
            f"No folder for temporary files can be made ({error.strerror}). Make room in {parent or _place()}, or set"
            " TMPDIR to a folder that can be written; then run again."
        ) from error
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)  # what is left then, the next process removes
        os.close(lock)


def remove_abandoned(parent: Path | None = None) -> list[str]:
    """Delete this user's folders whose processes are gone; returns their paths."""
    place = Path(parent or tempfile.gettempdir())
    return [str(each) for each in sorted(place.glob(f"{_PREFIX}*")) if _remove_if_abandoned(each)]


def remove_older(before: datetime) -> list[str]:
    """Delete this user's folders of versions without locks in which nothing was written since; returns their paths."""
    removed = []
    for directory in sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX_WITHOUT_LOCKS}*")):
        with suppress(OSError):  # another process has just removed it, or it belongs to another user
            found = directory.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                continue
            if max(each.lstat().st_mtime for each in (directory, *directory.rglob("*"))) < before.timestamp():
                shutil.rmtree(directory)
                removed.append(str(directory))
    return removed


def disk_is_full(error: BaseException) -> bool:
    """Whether an error of Python or DuckDB says that a disk has no space left."""
    return getattr(error, "errno", None) in _FULL or bool(_FULL_TO_DUCKDB.search(str(error)))


def unwritable(error: BaseException) -> FixConfiguration | None:
    """What to do about an error, if it says that a disk is full or may only be read; None for any other."""
    reason = str(error).partition("\n")[0]
    if getattr(error, "errno", None) == errno.EROFS:
        return FixConfiguration(
            f"A file cannot be written: {reason}. Mount the file system so that it can be written, or name another"
            " place; then run again."
        )
    if not disk_is_full(error):
        return None
    return FixConfiguration(
        f"A file cannot be written: {reason}. Make room there or in {_place()}, or set TMPDIR to a folder of a larger"
        " disk; then run again."
    )


def _place() -> str:
    return os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - only named


@cache
def _remove_abandoned_once(place: Path) -> None:
    """At the first use in a process."""
    remove_abandoned(place)


def _make(place: Path) -> tuple[Path, int]:
    """A new folder, and the descriptor that holds its lock."""
    while True:
        directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        # Until it is locked, another process may remove the folder.
        with suppress(FileNotFoundError):
            descriptor = _open(directory)
            with suppress(OSError):  # a file system without locks: nothing is removed there
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_at(directory, descriptor):
                return directory, descriptor
            os.close(descriptor)


def _remove_if_abandoned(directory: Path) -> bool:
    try:
        descriptor = _open(directory)
    except OSError:  # another process has just removed it, or it belongs to another user
        return False
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_at(directory, descriptor):
            return False
        shutil.rmtree(directory)
    except OSError:  # its process lives, or another one is removing it
        return False
    finally:
        os.close(descriptor)
    return True


def _open(directory: Path) -> int:
    return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def _is_at(directory: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(directory.lstat(), os.fstat(descriptor))
    except OSError:
        return False
