"""The container engine and compose through their command lines; timeouts keep the health check short."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from shared.errors import FixConfiguration, RetryLater

COMPOSE_SECONDS = 8.0
REQUIRED = re.compile(r"\$\{(\w+):?\?|required variable (\w+) is missing")
"""How the two generations of compose name a missing setting that the files require."""
PROJECT_LABEL = "com.docker.compose.project"


class EngineUnavailable(RetryLater):
    """The container engine is not installed, not started, or not accessible to this user."""


class ComposeUnavailable(FixConfiguration):
    """The expected services are not known: compose is not installed, or it rejects the files."""


@dataclass(frozen=True)
class ServiceDefinition:
    """A service of the compose files. `profiles` it needs; how many containers; whether others wait for its end."""

    name: str
    profiles: frozenset[str] = frozenset()
    containers: int = 1
    is_one_shot: bool = False


@dataclass(frozen=True)
class Engine:
    """Docker on this machine, for the project in `root`; `environ` is the environment of its commands."""

    root: Path
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    timeout_seconds: float = 4.0

    @property
    def project(self) -> str:
        """The project's name as compose derives it."""
        return self.environ.get("COMPOSE_PROJECT_NAME") or re.sub(r"[^-_a-z0-9]", "", self.root.name.lower())

    @cached_property
    def compose(self) -> tuple[str, ...]:
        """The compose command of this machine; empty when it is not installed."""
        if self._find("docker-compose"):
            return ("docker-compose",)
        if self._find("docker") and self._run("docker", "compose", "version").returncode == 0:
            return ("docker", "compose")
        return ()

    def containers(self) -> list[dict[str, Any]]:
        """`docker inspect` of the project's containers, also stopped ones, without one-off ones.

        Raises EngineUnavailable.
        """
        ids = self._docker("ps", "-aq", "--no-trunc", "--filter", f"label={PROJECT_LABEL}={self.project}").split()
        if not ids:
            return []
        done = self._run(
            "docker", "inspect", "--type", "container", *ids
        )  # a container that has just been removed is left out
        try:
            found: list[dict[str, Any]] = json.loads(done.stdout)
        except ValueError as error:
            raise EngineUnavailable(f"docker inspect: {last_line(done.stderr)}. Try: docker version") from error
        return [each for each in found if label(each, "com.docker.compose.oneoff").lower() != "true"]

    def services(self) -> list[ServiceDefinition]:
        """What the compose files define. Raises ComposeUnavailable."""
        if not self.compose:
            raise ComposeUnavailable(
                "Neither docker-compose nor docker compose is installed, so missing services cannot be detected."
                " Install one of them"
            )
        done = self._run(*self.compose, "config", seconds=COMPOSE_SECONDS)
        if done.returncode:
            raise _rejection(" ".join(self.compose), done.stderr)
        return _definitions(yaml.safe_load(done.stdout))

    def last_log_line(self, container_id: str) -> str:
        """The last line that a container wrote; empty when it cannot be read."""
        done = self._run("docker", "logs", "--tail", "20", container_id)
        # A program writes the reason for its failure to standard error.
        return last_line(done.stderr) or last_line(done.stdout) if done.returncode == 0 else ""

    def _docker(self, *arguments: str) -> str:
        if not self._find("docker"):
            raise EngineUnavailable(
                "The docker command is not installed. Install Docker, or use the local platform: make up"
            )
        done = self._run("docker", *arguments)
        if done.returncode == 0:
            return done.stdout
        said = done.stderr.lower()
        if "permission denied" in said:
            raise EngineUnavailable(
                "Docker rejects this user (permission denied)."
                " Run: sudo usermod -aG docker $USER, log in again; or use sudo"
            )
        if "cannot connect" in said or done.returncode == _TIMED_OUT:
            raise EngineUnavailable(
                f"The container engine does not respond{self._where()}."
                " Start Docker (sudo systemctl start docker, or Docker Desktop), or correct DOCKER_HOST"
            )
        raise EngineUnavailable(f"docker {arguments[0]}: {last_line(done.stderr)}. Try: docker version")

    def _where(self) -> str:
        host = self.environ.get("DOCKER_HOST")
        return f" at {host}" if host else ""

    def _find(self, program: str) -> str | None:
        return shutil.which(program, path=self.environ.get("PATH"))

    def _run(self, *command: str, seconds: float | None = None) -> subprocess.CompletedProcess[str]:
        timeout_seconds = seconds or self.timeout_seconds
        try:
            return subprocess.run(  # noqa: S603 - docker and compose, with arguments of our own
                [self._find(command[0]) or command[0], *command[1:]],
                cwd=self.root,
                env={**self.environ, "COMPOSE_PROJECT_NAME": self.project},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, _TIMED_OUT, "", f"no response within {timeout_seconds:g} s")
        except OSError as error:
            return subprocess.CompletedProcess(command, 127, "", f"{command[0]}: {error.strerror}")


_TIMED_OUT = 124


def _rejection(compose: str, said: str) -> ComposeUnavailable:
    missing = REQUIRED.search(said)
    if missing:
        name = missing[1] or missing[2]
        return ComposeUnavailable(f"{name} is missing in .env, so compose stops. Run: python3 scripts/generate_env.py")
    reason = last_line(said).replace(". ", ", ").rstrip(".")
    return ComposeUnavailable(f"{compose} config: {reason}. Correct it, then run: {compose} config")


def last_line(text: str, limit: int = 200) -> str:
    """The last line with something in it, cut to `limit` characters."""
    lines = [stripped for line in text.splitlines() if (stripped := _printable(line).strip())]
    return lines[-1][:limit] if lines else ""


def _printable(text: str) -> str:
    return "".join(char for char in re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text) if char.isprintable())


def label(container: Mapping[str, Any], name: str) -> str:
    """A label of an inspected container, empty when it has none of that name."""
    return str(((container.get("Config") or {}).get("Labels") or {}).get(name, ""))


def _definitions(config: Any) -> list[ServiceDefinition]:
    services: Mapping[str, Any] = (config or {}).get("services") or {}
    awaited = {
        name
        for service in services.values()
        for name, condition in _conditions(service.get("depends_on"))
        if condition == "service_completed_successfully"
    }
    return [
        ServiceDefinition(
            name,
            frozenset(service.get("profiles") or ()),
            int(service.get("scale") or (service.get("deploy") or {}).get("replicas") or 1),
            name in awaited or name.endswith("-init"),
        )
        for name, service in services.items()
    ]


def _conditions(depends_on: Any) -> Sequence[tuple[str, str]]:
    if not isinstance(depends_on, Mapping):
        return ()
    return [(name, str((how or {}).get("condition"))) for name, how in depends_on.items()]
