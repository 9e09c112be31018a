"""What test processes that were killed have left on the engine: it would run on, and hold its networks."""

from __future__ import annotations

import psutil

from tests.containers.engine import Engine
from tests.containers.project import PREFIX

LABEL = "com.docker.compose.project"
REMOVALS = {
    ("ps", "--all"): ("rm", "--force", "--volumes"),
    ("network", "ls"): ("network", "rm"),
    ("volume", "ls"): ("volume", "rm"),
}
"""How each kind is listed and removed, in an order that works."""


def remove_abandoned(engine: Engine) -> None:
    """Remove the projects of processes that are no more; those of living ones, of other checkouts too, stay."""
    for listing, removal in REMOVALS.items():
        name_field = "{{.Names}}" if listing[0] == "ps" else "{{.Name}}"
        shown = name_field + ' {{.Label "' + LABEL + '"}}'
        for line in engine.docker(*listing, "--filter", f"label={LABEL}", "--format", shown).splitlines():
            name, _, project = line.partition(" ")
            if _is_abandoned(project):
                engine.docker(*removal, name, check=False)


def _is_abandoned(project: str) -> bool:
    pid = project.removeprefix(PREFIX).partition("-")[0]
    return project.startswith(PREFIX) and pid.isdigit() and not psutil.pid_exists(int(pid))
