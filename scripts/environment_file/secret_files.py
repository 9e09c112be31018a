"""Secrets in files of their own instead of `.env`, for docker/compose/secrets.yml."""

from __future__ import annotations

import os
from pathlib import Path

from scripts.environment_file.settings import SECRETS
from scripts.environment_file.text import value_of, with_override, with_value

OVERRIDE = "docker/compose/secrets.yml"
CELERY, CELERY_OVERRIDE = "docker/compose/celery.yml", "docker/compose/celery-secrets.yml"
STAY = ("AWS_ACCESS_KEY_ID", "POSTGRES_READER_PASSWORD", "REDIS_PASSWORD", "GRAFANA_PASSWORD")
"""A key id, which is public; and secrets that programs read only from their environment (Grafana, Redis)."""
MOVING = [*(name for name in SECRETS if name not in STAY), "ALERT_CHANNELS"]
"""The generated secrets, and a setting that may contain the user's passwords."""


def moved(text: str, directory: Path, root: Path) -> tuple[str, int]:
    """The text with every secret in a file of its own in `directory`, NAME_FILE naming it; and how many moved now."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    shown = directory.relative_to(root) if root in directory.parents else directory
    moving = [name for name in MOVING if value_of(text, name)]
    for name in moving:
        write_secret(directory / name, value_of(text, name) or "")
        text = with_value(text, name, "")  # docker-compose requires that it is set
        text = with_value(text, f"{name}_FILE", str(shown / name))
    text = with_override(text, OVERRIDE)
    if CELERY in (value_of(text, "COMPOSE_FILE") or ""):
        text = with_override(text, CELERY_OVERRIDE)
    return text, len(moving)


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
