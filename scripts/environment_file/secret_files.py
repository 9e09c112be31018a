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


OF_SOURCES = "sources"
"""The subdirectory for the secrets of sources: the containers that read sources mount it, and no other secret."""


def moved(text: str, directory: Path, root: Path, of_sources: set[str]) -> tuple[str, int]:
    """The text with every secret in a file of its own in `directory`, NAME_FILE naming it; and how many moved now.

    `of_sources` are the secrets that definitions refer to. Their files are in a subdirectory, which SECRETS_DIRECTORY
    names, so that a container can mount all of them and none of the others.
    """
    shared = directory / OF_SOURCES
    shared.mkdir(mode=0o755, parents=True, exist_ok=True)
    directory.chmod(0o700)
    shared.chmod(0o755)  # its containers run as other users; those of this machine cannot get through `directory`
    count = 0
    for name in dict.fromkeys([*MOVING, *sorted(of_sources)]):
        target, before = (shared if name in of_sources else directory) / name, directory / name
        is_misplaced = target != before and value_of(text, f"{name}_FILE") == _shown(before, root)
        value = value_of(text, name) or (before.read_text(encoding="utf-8") if is_misplaced else "")
        if not value:
            continue
        write_secret(target, value)
        if is_misplaced:  # by a release without the subdirectory
            before.unlink()
        text = with_value(text, name, "")  # docker-compose requires that it is set
        text = with_value(text, f"{name}_FILE", _shown(target, root))
        count += 1
    text = with_value(text, "SECRETS_DIRECTORY", _for_compose(_shown(shared, root)))
    text = with_override(text, OVERRIDE)
    if CELERY in (value_of(text, "COMPOSE_FILE") or ""):
        text = with_override(text, CELERY_OVERRIDE)
    return text, count


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if root in path.parents else path)


def _for_compose(path: str) -> str:
    """The path, written so that docker-compose does not take it for the name of a volume."""
    return path if path.startswith("/") else f"./{path}"


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
