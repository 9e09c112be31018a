"""Kills at a function: a process, `package.module:attribute MODULE ARGUMENT…`, or work in this process.

Work in this process ends by an exception that nothing handles, and the record of its run does not end. What is left is
what SIGKILL leaves.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from monitoring.unfinished_runs import RunRecord


class Killed(BaseException):
    """Nothing handles it."""


def place(target: str) -> tuple[Any, str]:
    """The module or class that holds the function, and the function's name there."""
    module, _, path = target.partition(":")
    *parents, name = path.split(".")
    holder = import_module(module)
    for each in parents:
        holder = getattr(holder, each)
    return holder, name


def kill_at(target: str, work: Callable[[], object]) -> None:
    """Do the work until it calls the function at `target`."""

    def end(*_: Any, **__: Any) -> None:
        raise Killed

    def disconnect(record: RunRecord, *_: object) -> None:
        if record._connection:
            record._connection.close()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(RunRecord, "__exit__", disconnect)
        patched.setattr(*place(target), end)
        with pytest.raises(Killed):
            work()


def _die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    holder, name = place(sys.argv[1])
    setattr(holder, name, _die)
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
