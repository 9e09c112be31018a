"""Definitions of sources in a directory of a test's own."""

from __future__ import annotations

import shutil
from pathlib import Path

from shared.config import SOURCES


def write_source(directory: Path, name: str, *lines: str) -> Path:
    """A valid definition with these further lines; one of the same id is replaced."""
    connection = "connection: {url: http://localhost}"
    text = (f"id: {name}", f"name: {name}", "connector: retailer1", "time_zone: UTC", connection, *lines)
    path = directory / f"{name}.yaml"
    path.write_text("\n".join(text), encoding="utf-8")
    return path


def copy_sources(directory: Path) -> Path:
    """The platform's own definitions, to be changed."""
    shutil.copytree(SOURCES, directory)
    return directory
