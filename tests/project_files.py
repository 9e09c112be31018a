"""The files of the project: those that git knows, and in a copy without git those that are not made by tools."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from shared.config import PROJECT_ROOT

_MADE_BY_TOOLS = {
    ".git",
    ".venv",
    ".local",
    "__pycache__",
    "build",
    "dist",
    "node_modules",
    ".certificates",
    ".secrets",
}


def project_files(*paths: str) -> list[str]:
    """Paths relative to the project's root, below `paths` or everywhere, sorted."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *paths],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        return sorted(name for name in set(listed.stdout.splitlines()) if (PROJECT_ROOT / name).is_file())
    return sorted(
        str(path.relative_to(PROJECT_ROOT)) for start in paths or (".",) for path in _walk(PROJECT_ROOT / start)
    )


def _walk(start: Path) -> Iterator[Path]:
    if start.is_file():
        yield start
    for folder, folders, names in os.walk(start):
        folders[:] = [name for name in folders if name not in _MADE_BY_TOOLS and not name.endswith("_cache")]
        yield from (Path(folder) / name for name in names)
