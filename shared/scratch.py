"""Temporary folders of one piece of work. What a killed process leaves is removed by the maintenance."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

_PREFIX = "retail-work-"


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """An empty folder, which is deleted at the end of the block."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as directory:
        yield Path(directory)


def remove_abandoned(before: datetime) -> list[str]:
    """Delete the folders in which nothing has been written since that time; returns their paths."""
    removed = []
    for directory in sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")):
        with suppress(OSError):  # another process has just removed it, or it belongs to another user
            if max(each.stat().st_mtime for each in (directory, *directory.rglob("*"))) < before.timestamp():
                shutil.rmtree(directory)
                removed.append(str(directory))
    return removed
