"""Secrets in files of their own instead of `.env`, for docker/compose/secrets.yml."""

from __future__ import annotations

import os
from pathlib import Path


def write_secret(path: Path, value: str) -> None:
    """Replace the file in one step, so that nothing reads half a secret.

    Every user may read it: a container mounts the file itself, and runs as a user of its own. The directory keeps
    others on this machine out.
    """
    unfinished = path.with_name(f".{path.name}.new")
    if unfinished.exists():
        unfinished.unlink()
    descriptor = os.open(str(unfinished), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(value)
    unfinished.chmod(0o444)
    unfinished.replace(path)
