"""Directories with the same permissions on every level, whatever the umask."""

from __future__ import annotations

from pathlib import Path

PRIVATE = 0o700


def make_directory(path: Path, mode: int = PRIVATE) -> None:
    """Create the directory, and those above it that are missing, for their owner alone unless `mode` says otherwise.

    `mkdir(mode, parents=True)` gives the mode to the last one only. Those above it get what the umask leaves, which may
    let other users rename the last one and put their own in its place.

    Existing directories keep their permissions. Raises OSError.
    """
    missing = [each for each in path.parents if not each.exists()]
    for each in (*reversed(missing), path):
        each.mkdir(mode=mode, exist_ok=True)
