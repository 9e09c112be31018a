"""The processes of the local platform (`make up`)."""

from __future__ import annotations

from pathlib import Path

from scripts.pipeline_health.findings import Finding, Health, reported

AREA = "services"


def has_living_services(root: Path) -> bool:
    """Whether a process of the local platform of the checkout in `root` runs."""
    try:
        from local_stack.state import load
    except ImportError:
        return False  # an image that runs stages only
    return bool(load(root / ".local" / "state.json").running())


def check_services(root: Path) -> list[Finding]:
    """One line per recorded process."""
    try:
        from local_stack.state import load
    except ImportError:
        reason = "its parts are not installed here"
        return [Finding(AREA, "local platform", Health.UNKNOWN, reason, "Run this in a checkout: make health-check")]
    found: list[Finding] = []
    with reported(AREA, "local platform", found):
        services = load(root / ".local" / "state.json").services
        if not services:
            found.append(Finding(AREA, "local platform", Health.DOWN, "it is stopped", "Start it: make up"))
        for service in services:
            if service.is_alive():
                found.append(Finding(AREA, service.name, Health.OK, f"runs as process {service.pid}"))
            else:
                log = f"See .local/logs/{service.name}.log, then: make down up"
                found.append(Finding(AREA, service.name, Health.DOWN, f"process {service.pid} has ended", log))
    return found
