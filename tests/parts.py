"""Parts of a slow folder of tests: a mark for each, so that `-m "one or two"` runs them on one platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

Parts = Mapping[str, Sequence[str]]
"""The files of each part."""


def register_parts(config: pytest.Config, parts: Parts) -> None:
    """Make the parts' marks known."""
    for name, files in parts.items():
        config.addinivalue_line("markers", f"{name}: {', '.join(files)}")


def mark_parts(items: Sequence[pytest.Item], folder: Path, parts: Parts) -> None:
    """Mark each test of a folder with the part of its file. Raises UsageError for a file that is in none."""
    part_of = {file: name for name, files in parts.items() for file in files}
    for item in (each for each in items if each.path.parent == folder):
        if item.path.name not in part_of:
            raise pytest.UsageError(f"{item.path}: add the file to PARTS in its folder's conftest.py")
        item.add_marker(part_of[item.path.name])
