"""Runs a module and kills the process right after its n-th write to the raw bucket: `N MODULE ARGUMENT…`.

A copy and a deletion count as writes. A process that writes less often ends as usual.
"""

from __future__ import annotations

import itertools
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import obstore

from shared.config import PROJECT_ROOT


def killed_after(number: int, *command: str, environment: Mapping[str, str]) -> bool:
    """Run `python -m *command` and kill it after this write; False when it was complete before."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fakes.killed_after_a_write", str(number), *command],
        cwd=PROJECT_ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def _kill_after(last: int, bucket: str) -> None:
    count = itertools.count(1)

    def counted(write: Callable[..., Any]) -> Callable[..., Any]:
        def call(store: Any, *arguments: Any, **named: Any) -> Any:
            result = write(store, *arguments, **named)
            if store.config["bucket"] == bucket and next(count) == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    for name in ("put", "copy", "delete"):
        setattr(obstore, name, counted(getattr(obstore, name)))


if __name__ == "__main__":
    _kill_after(int(sys.argv[1]), os.environ["S3_BUCKET_RAW"])
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
