"""The processes of the local platform (`make up`), where this checkout has one."""

from __future__ import annotations

from pathlib import Path

from scripts.pipeline_health.findings import Finding, Health, reported
from shared.config import PROJECT_ROOT

AREA = "services"
STATE_FILE = PROJECT_ROOT / ".local" / "state.json"


def check_services(state_file: Path = STATE_FILE) -> list[Finding]:
    """One line per recorded process; none where no local platform was ever started."""
    if not state_file.is_file():
        return []
    try:
        from local_stack.state import load
    except ImportError:
        return []  # an image that runs stages only; the other checks speak for the services
    found: list[Finding] = []
    with reported(AREA, "local platform", found):
        services = load(state_file).services
        if not services:
            found.append(Finding(AREA, "local platform", Health.DOWN, "it is stopped", "Start it: make up"))
        for service in services:
            if service.is_alive():
                found.append(Finding(AREA, service.name, Health.OK, f"runs as process {service.pid}"))
            else:
                log = f"See .local/logs/{service.name}.log, then: make down up"
                found.append(Finding(AREA, service.name, Health.DOWN, f"process {service.pid} has ended", log))
    return found
