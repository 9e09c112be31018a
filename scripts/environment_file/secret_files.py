"""Secrets in files of their own instead of `.env`, for docker/compose/secrets.yml."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from scripts.environment_file.settings import SECRETS
from scripts.environment_file.text import value_of, with_override, with_value, write
from shared.directories import make_directory
from shared.regular_files import read_text

OVERRIDE = "docker/compose/secrets.yml"
CELERY, CELERY_OVERRIDE = "docker/compose/celery.yml", "docker/compose/celery-secrets.yml"
STAY = ("AWS_ACCESS_KEY_ID", "POSTGRES_READER_PASSWORD", "REDIS_PASSWORD", "GRAFANA_PASSWORD")
"""A key id, which is public; and secrets that programs read only from their environment (Grafana, Redis)."""
MOVING = [*(name for name in SECRETS if name not in STAY), "ALERT_CHANNELS"]
"""The generated secrets, and a setting that may contain the user's passwords."""


OF_SOURCES = "sources"
"""The subdirectory for the secrets of sources: the containers that read sources mount it, and no other secret."""


class Moved(NamedTuple):
    """Secrets in files of their own."""

    text: str
    """The new `.env`, where NAME_FILE names the file of each secret."""
    written: int
    """How many moved now."""
    replaced: list[Path]
    """Files of an earlier release; delete them once the new `.env` is written."""


def moved(text: str, directory: Path, root: Path, of_sources: set[str]) -> Moved:
    """Write every secret to a file of its own in `directory`.

    `of_sources` are the variables of definitions that are secret or given as files. Their files are in the directory
    that SECRETS_DIRECTORY names, by default a subdirectory, so that a container can mount all of them and no other.
    """
    chosen = value_of(text, "SECRETS_DIRECTORY")
    shared = root / chosen if chosen else directory / OF_SOURCES
    for each in (directory, shared):
        make_directory(each, 0o700 if each == directory else 0o755)
    directory.chmod(0o700)
    if shared.parent == directory:
        shared.chmod(0o755)  # its containers run as other users; those of this machine cannot get through `directory`
    count, replaced = 0, []
    for name in dict.fromkeys([*MOVING, *sorted(of_sources)]):
        target = (shared if name in of_sources else directory) / name
        before = (file_of(text, name, root) if name in of_sources else None) or target
        is_elsewhere = before.resolve() != target.resolve()
        value = value_of(text, name) or (read_text(before) if is_elsewhere else "")
        if not value:
            continue
        write_secret(target, value)
        if is_elsewhere and before == directory / name:  # by a release without the subdirectory
            replaced.append(before)
        text = with_value(text, name, "")  # docker-compose requires that it is set
        text = with_value(text, f"{name}_FILE", _shown(target, root))
        count += 1
    text = with_value(text, "SECRETS_DIRECTORY", _for_compose(_shown(shared, root)))
    text = with_override(text, OVERRIDE)
    if CELERY in (value_of(text, "COMPOSE_FILE") or ""):
        text = with_override(text, CELERY_OVERRIDE)
    return Moved(text, count, replaced)


def file_of(text: str, name: str, root: Path) -> Path | None:
    """The file with a source's variable: the one that NAME_FILE names, else the one in SECRETS_DIRECTORY; or None."""
    named, directory = value_of(text, f"{name}_FILE"), value_of(text, "SECRETS_DIRECTORY")
    if named:
        return root / named
    found = root / directory / name if directory else None
    return found if found and found.is_file() else None


def is_mounted(text: str, name: str, root: Path) -> bool:
    """Whether the containers that connect to sources have a file with this variable."""
    directory, files = value_of(text, "SECRETS_DIRECTORY"), value_of(text, "COMPOSE_FILE") or ""
    return bool(directory) and OVERRIDE in files.split(":") and (root / (directory or "") / name).is_file()


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
    write(path, value, 0o444)
