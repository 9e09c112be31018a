"""A container engine for the tests: the one that is there, or a private one with stand-ins for the public images."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shared.config import PROJECT_ROOT
from tests.conftest import Say

IMAGE = re.compile(r"\$\{[A-Z_]+_IMAGE:-([^}]+)\}|^ARG [A-Z_]+_IMAGE=(\S+)$", re.MULTILINE)
"""Every public image is written with a setting that replaces it."""
STAND_INS = {
    "python": "python",
    "postgres": "postgres",
    "apache/airflow": "airflow",
    "redis": "redis",
    "chrislusf/seaweedfs": "seaweedfs",
    "prom/prometheus": "prometheus",
    "prom/pushgateway": "pushgateway",
    "prom/alertmanager": "alertmanager",
}
"""The kinds that docker-offline can build, by repository; it has none for Grafana."""


class NoEngine(Exception):
    """No engine is available, or it cannot get the base images; the text says what to install."""


@dataclass(frozen=True)
class Engine:
    """How to reach the engine and which docker-compose drives it."""

    compose: tuple[str, ...]
    stand_ins: bool
    variables: dict[str, str] = field(default_factory=dict)
    """What processes need in their environment to find it."""

    def docker(self, *arguments: str, check: bool = True, timeout: float = 120) -> str:
        """What a docker command prints."""
        done = subprocess.run(
            ["docker", *arguments],
            env={**os.environ, **self.variables},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0 or not check, f"docker {' '.join(arguments)}: {done.stderr[-2000:]}"
        return done.stdout

    def has_image(self, name: str) -> bool:
        """Whether the image is on this machine."""
        return bool(self.docker("image", "ls", "--quiet", name).strip())


def base_images() -> set[str]:
    """The public images that the compose files and the Dockerfiles name."""
    files = [PROJECT_ROOT / "docker-compose.yml", *(PROJECT_ROOT / "docker" / "compose").glob("*.yml")]
    files += (PROJECT_ROOT / "docker").glob("*/Dockerfile")
    texts = (path.read_text(encoding="utf-8") for path in files)
    return {name for text in texts for pair in IMAGE.findall(text) for name in pair if name}


@contextmanager
def container_engine(say: Say) -> Iterator[Engine]:
    """The running engine if it can get the base images, otherwise one of docker-offline. Raises NoEngine."""
    wanted = sorted(name for name in base_images() if _repository(name) in STAND_INS)
    if (present := _present_engine()) and all(_obtain(present, name, say) for name in wanted):
        yield present
        return
    tool = _docker_offline()
    if tool is None:
        reason = "reaches no registry" if present else "is not there"
        raise NoEngine(
            f"A container engine with docker-compose {reason}. Install Docker with Compose and let it pull"
            f" {', '.join(wanted)}; or set RETAIL_DOCKER_OFFLINE to the path of docker-offline."
        )
    with _offline_engine(tool, wanted, say) as engine:
        yield engine


def _repository(image: str) -> str:
    return image.rpartition(":")[0] or image


def _compose_command() -> tuple[str, ...] | None:
    if shutil.which("docker") and _succeeds("docker", "compose", "version"):
        return ("docker", "compose")
    return ("docker-compose",) if shutil.which("docker-compose") else None


def _present_engine() -> Engine | None:
    compose = _compose_command()
    if compose is None or not shutil.which("docker") or not _succeeds("docker", "info"):
        return None
    engine = Engine(compose, stand_ins=False)
    return Engine(compose, stand_ins=engine.has_image("standin/bookworm"))


def _obtain(engine: Engine, image: str, say: Say) -> bool:
    if engine.has_image(image):
        return True
    if engine.stand_ins:  # no registry is available
        kind = f"{image}={STAND_INS[_repository(image)]}"
        return (tool := _docker_offline()) is not None and _succeeds(str(tool), "images", kind)
    say(f"pulling {image}")
    return _succeeds("docker", "pull", "--quiet", image, timeout=600)


def _docker_offline() -> Path | None:
    places = [os.environ.get("RETAIL_DOCKER_OFFLINE"), PROJECT_ROOT.parent / "shared" / "tools" / "docker-offline"]
    return next((Path(place) for place in places if place and Path(place).is_file()), None)


@contextmanager
def _offline_engine(tool: Path, wanted: list[str], say: Say) -> Iterator[Engine]:
    say(f"starting an engine with stand-ins for {', '.join(wanted)}; the first time this takes some minutes")
    started = subprocess.run([str(tool), "start"], capture_output=True, text=True, timeout=600, check=False)
    if started.returncode != 0:
        raise NoEngine(f"{tool} start: {started.stderr.strip()[-500:]}")
    was_running = "already running" in started.stderr
    try:
        address = started.stdout.strip().rpartition("DOCKER_HOST=")[2]
        os.environ["DOCKER_HOST"] = address
        pairs = [f"{name}={STAND_INS[_repository(name)]}" for name in wanted]
        built = subprocess.run([str(tool), "images", *pairs], capture_output=True, text=True, timeout=1800, check=False)
        compose = _compose_command()
        if built.returncode != 0 or compose is None:
            raise NoEngine(f"{tool} images: {built.stderr.strip()[-500:]}")
        yield Engine(compose, stand_ins=True, variables={"DOCKER_HOST": address})
    finally:
        os.environ.pop("DOCKER_HOST", None)
        if not was_running:
            say("stopping the engine")
            subprocess.run([str(tool), "stop"], capture_output=True, timeout=120, check=False)


def _succeeds(*command: str, timeout: float = 60) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=timeout, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
