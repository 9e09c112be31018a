"""Temporary folders of one piece of work.

A killed process leaves its folder. After a day it is removed by the maintenance, or by the next process that needs a
folder, whichever has the same user: in containers, Airflow and the stages share `/tmp` but not the user.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

ABANDONED_AFTER = timedelta(days=1)
"""What a run left is removed after this time. No stage takes this long: Airflow ends a task after two hours."""
_PREFIX = "retail-work-"


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """An empty folder, which is deleted at the end of the block."""
    _remove_abandoned_once()
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as directory:
        yield Path(directory)


def remove_abandoned(before: datetime) -> list[str]:
    """Delete this user's folders in which nothing has been written since that time; returns their paths."""
    removed = []
    for directory in sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")):
        with suppress(OSError):  # another process has just removed it, or it belongs to another user
            if max(each.stat().st_mtime for each in (directory, *directory.rglob("*"))) < before.timestamp():
                shutil.rmtree(directory)
                removed.append(str(directory))
    return removed


@cache
def _remove_abandoned_once() -> None:
    """At the first use in a process."""
    remove_abandoned(datetime.now(UTC) - ABANDONED_AFTER)
