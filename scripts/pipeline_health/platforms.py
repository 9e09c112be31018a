"""Which platform is meant: the local one, the containers of this checkout, or one elsewhere; and its settings."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scripts.pipeline_health.advice import Advice, Kind
from scripts.pipeline_health.engine import Engine, EngineUnavailable
from scripts.pipeline_health.local_services import has_living_services
from shared.config import DOTENV, read_environment
from shared.regular_files import read_text

Inspected = Sequence[Mapping[str, Any]] | EngineUnavailable
ROOT = DOTENV.resolve().parent


class Choice(StrEnum):
    """The values of --platform."""

    AUTO = "auto"
    LOCAL = "local"
    CONTAINERS = "containers"


@dataclass(frozen=True)
class Platform:
    """The platform to check. `inspected` is what the engine returned while the platform was detected."""

    kind: Kind
    title: str
    environ: Mapping[str, str]
    root: Path = ROOT
    engine: Engine | None = None
    inspected: Inspected | None = field(default=None, repr=False)

    @property
    def advice(self) -> Advice:
        """Remedies that fit it."""
        compose = " ".join(self.engine.compose) if self.engine else ""
        return Advice(self.kind, compose or "docker-compose")


def find_platform(
    choice: Choice = Choice.AUTO, *, root: Path = ROOT, shell: Mapping[str, str] = os.environ
) -> Platform:
    """The chosen platform, or the one that runs. Raises FixConfiguration for an unreadable setting."""
    own = _local_environment(root)
    if choice is Choice.LOCAL:
        return _local(root, shell, own)
    # What `source .local/env` left in a shell says nothing about containers.
    rest = {name: value for name, value in shell.items() if own.get(name) != value}
    settings = read_environment(rest, root / ".env")
    if choice is Choice.AUTO:
        if _is_elsewhere(settings, own):
            return _other(shell, root)
        if has_living_services(root):
            return _local(root, shell, own)
    # Not all of the settings: a NAME_FILE's content may be too long for a process's environment.
    of_engine = {name: value for name, value in settings.items() if name.startswith(("COMPOSE_", "DOCKER_"))}
    engine = Engine(root, {**rest, **of_engine})
    has_compose_file = (root / "docker-compose.yml").is_file()
    inspected = _run(engine) if has_compose_file or choice is Choice.CONTAINERS else []
    if choice is Choice.CONTAINERS or _are_meant(inspected, settings, has_compose_file, root):
        return _containers(engine, inspected, rest, root)
    return _what_is_left(settings, shell, own, root)


def _run(engine: Engine) -> Inspected:
    try:
        return engine.containers()
    except EngineUnavailable as error:
        return error


def _are_meant(
    inspected: Inspected,
    settings: Mapping[str, str],
    has_compose_file: bool,
    root: Path,
) -> bool:
    if not isinstance(inspected, EngineUnavailable) and inspected:
        return True
    if not has_compose_file or "COMPOSE_PROJECT_NAME" not in settings:
        return False
    # Without a container engine, a local platform that was started before is more likely.
    return not isinstance(inspected, EngineUnavailable) or not _state_file(root).is_file()


def _what_is_left(
    settings: Mapping[str, str], shell: Mapping[str, str], own: Mapping[str, str], root: Path
) -> Platform:
    if _state_file(root).is_file():
        return _local(root, shell, own)
    if "WAREHOUSE_DSN" in settings or "POSTGRES_PASSWORD" in settings:
        return _other(shell, root)
    return Platform(Kind.NONE, "none: no platform runs here and none is configured", settings, root)


def _local(root: Path, shell: Mapping[str, str], own: Mapping[str, str]) -> Platform:
    environ = read_environment({**shell, **own}, root / ".env")
    return Platform(Kind.LOCAL, "the local one (make up), with the settings of .local/env", environ, root)


def _containers(engine: Engine, inspected: Inspected, rest: Mapping[str, str], root: Path) -> Platform:
    # The containers' warehouse is where .env says, whatever this shell was set up for.
    environ = read_environment({name: value for name, value in rest.items() if name != "WAREHOUSE_DSN"}, root / ".env")
    settings = "the settings of .env" if (root / ".env").is_file() else "no .env"
    title = f"containers of the project {engine.project}, with {settings}"
    return Platform(Kind.CONTAINERS, title, environ, root, engine, inspected)


def _other(shell: Mapping[str, str], root: Path) -> Platform:
    settings = read_environment(shell, root / ".env")
    return Platform(Kind.OTHER, f"another one, with its warehouse at {_place(_dsn(settings))}", settings, root)


def _is_elsewhere(settings: Mapping[str, str], own: Mapping[str, str]) -> bool:
    """Whether WAREHOUSE_DSN was set manually, to a place outside this checkout."""
    dsn = settings.get("WAREHOUSE_DSN")
    if not dsn:
        return False
    places = [_dsn(own)] if own else []
    without = {name: value for name, value in settings.items() if name != "WAREHOUSE_DSN"}
    if "COMPOSE_PROJECT_NAME" in without:
        places.append(_dsn(without))
    return _place(dsn) not in map(_place, places)


def _dsn(settings: Mapping[str, str]) -> str:
    host, port = settings.get("POSTGRES_HOST", "localhost"), settings.get("POSTGRES_PORT", "5432")
    return settings.get("WAREHOUSE_DSN") or f"postgresql://{host}:{port}"


def _place(dsn: str) -> str:
    try:
        parts = urlsplit(dsn)
        host = parts.hostname or "localhost"
        return f"{'localhost' if host in ('127.0.0.1', '::1') else host}:{parts.port or 5432}"
    except ValueError:
        return "an unreadable address"  # reported by the check of the settings


def _local_environment(root: Path) -> dict[str, str]:
    try:
        lines = read_text(root / ".local" / "env").splitlines()
        words = [word for line in lines if line.startswith("export ") for word in shlex.split(line)[1:2]]
    except (OSError, ValueError):
        return {}
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def _state_file(root: Path) -> Path:
    return root / ".local" / "state.json"
