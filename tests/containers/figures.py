"""What the containers cost: time from nothing to healthy, memory at rest, sizes of the images."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.containers.engine import Engine, base_images
from tests.containers.project import Project, service_of

UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def memory_by_service(project: Project) -> dict[str, float]:
    """MiB that each running container uses now."""
    names = {each["Id"]: service_of(each) for each in project.containers() if each["State"]["Running"]}
    stats = project.docker("stats", "--no-stream", "--no-trunc", "--format", "{{json .}}", *names)
    found = (json.loads(line) for line in stats.splitlines())
    return {names[each["ID"]]: _mib(each["MemUsage"]) for each in found}


def _mib(usage: str) -> float:
    number, unit = re.match(r"([\d.]+)([KMG]?i?B)", usage).groups()  # type: ignore[union-attr]
    return round(float(number) * UNITS[unit] / 2**20, 1)


def image_sizes(engine: Engine, names: list[str]) -> dict[str, dict[str, float]]:
    """Size of each image in MB, and what its own layers add to the public image beneath."""
    bases = [found for name in base_images() if (found := _image(engine, name))]
    return {name: _sizes(_image(engine, name), bases) for name in names}


def _image(engine: Engine, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(engine.docker("image", "inspect", name, check=False) or "[]")
    return found[0] if found else {}


def _sizes(image: dict[str, Any], bases: list[dict[str, Any]]) -> dict[str, float]:
    layers = image["RootFS"]["Layers"]
    beneath = [each for each in bases if layers[: len(each["RootFS"]["Layers"])] == each["RootFS"]["Layers"]]
    base = max((each["Size"] for each in beneath), default=0)
    return {"megabytes": round(image["Size"] / 1e6), "own_megabytes": round((image["Size"] - base) / 1e6)}
