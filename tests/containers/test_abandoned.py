"""The next test process clears what a killed one has left, and nothing of one that lives."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.containers.abandoned import LABEL, remove_abandoned
from tests.containers.engine import Engine
from tests.containers.project import PREFIX


def test_only_what_dead_processes_made_is_removed(engine: Engine) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, mine = f"{PREFIX}{ended.pid}-abc", f"{PREFIX}{os.getpid()}-abc"
    for project in (dead, mine, "somebody-elses"):
        for kind in ("network", "volume"):
            engine.docker(kind, "create", "--label", f"{LABEL}={project}", f"{project}_x")
    try:
        remove_abandoned(engine)
        for kind in ("network", "volume"):
            names = engine.docker(kind, "ls", "--format", "{{.Name}}").split()
            assert f"{dead}_x" not in names
            assert {f"{mine}_x", "somebody-elses_x"} <= set(names)
    finally:
        for project in (dead, mine, "somebody-elses"):
            for kind in ("network", "volume"):
                engine.docker(kind, "rm", f"{project}_x", check=False)
