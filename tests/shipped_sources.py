"""The three definitions that ship, in a directory of their own: tests pass whatever a user adds to sources/."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

import shared.config

NAMES = ("retailer_1", "retailer_2", "retailer_3")


def _copied() -> Path:
    root = Path(tempfile.mkdtemp(prefix="shipped-sources-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    (root / "sources").mkdir()
    for name in NAMES:
        shutil.copy(shared.config.PROJECT_ROOT / "sources" / f"{name}.yaml", root / "sources")
    return root


ROOT = _copied()
"""What a program finds `sources/` in that looks for it below a checkout."""
DIRECTORY = ROOT / "sources"
ENVIRONMENT = {"SOURCES_DIRECTORY": str(DIRECTORY)}
"""For programs that tests start."""


def use_in_this_process() -> None:
    """Let `shared.config` read these. Other modules copy its default, so call this before they are imported."""
    shared.config.SOURCES = DIRECTORY
