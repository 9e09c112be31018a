"""Queries to the Prometheus of a project."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from typing import Any

from tests.containers.project import Project


def address(project: Project, port: str) -> str:
    """Where a service is published on this machine."""
    return f"http://127.0.0.1:{project.environment[port]}"


def get(url: str, **parameters: str) -> Any:
    """The JSON at an address."""
    with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(parameters)}", timeout=10) as response:
        return json.load(response)


def query_prometheus(project: Project, query: str) -> list[dict[str, Any]]:
    """The series of an instant query that have a value that is a number."""
    found = get(f"{address(project, 'PROMETHEUS_PORT')}/api/v1/query", query=query)["data"]["result"]
    return [each for each in found if each["value"][1] not in ("NaN", "+Inf", "-Inf")]
