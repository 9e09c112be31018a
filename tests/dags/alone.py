"""Programs in a process of their own, with what Airflow's components find at their start and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from shared.config import PROJECT_ROOT

PLUGINS = PROJECT_ROOT / "airflow" / "plugins"
IN_A_COPY = """
import json, os

def in_a_copy(function, argument):
    # What a function of one argument returns in a copy of this process, for importing Airflow takes seconds.
    ours, theirs = os.pipe()
    if os.fork() == 0:
        with os.fdopen(theirs, "w") as pipe:
            json.dump(function(argument), pipe)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        return json.load(pipe)
"""
"""Beginning of a program: `in_a_copy(function, argument)`."""


def run_alone(program: str, argument: str, home: Path) -> dict[str, Any]:
    """What a Python program prints as JSON in its last line; its plugins are ours, its Airflow is new."""
    done = subprocess.run(
        [sys.executable, "-c", program, argument],
        env={
            "PYTHONPATH": f"{PROJECT_ROOT}:{PLUGINS}",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PLUGINS),
            "AIRFLOW_HOME": str(home),
            "PATH": os.defpath,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
