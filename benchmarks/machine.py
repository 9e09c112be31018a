"""Describes the machine: cores, memory, processor, kernel, versions. No host names, no paths."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil


def describe_machine(postgres_version: str) -> dict[str, str]:
    """What a reader needs to judge the figures. `postgres_version` is the server's own text."""
    return {
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "processor": _processor(),
        "kernel": f"{platform.system()} {platform.release()}",
        "PostgreSQL": postgres_version.split()[0],
        "Python": platform.python_version(),
    }


def load_of_others() -> float:
    """Load average of the last minute: what else the machine was doing."""
    return round(os.getloadavg()[0], 2)


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].replace("(R)", "").replace("(TM)", "").split())
    except OSError:
        pass
    return platform.machine()
