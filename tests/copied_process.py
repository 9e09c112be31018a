"""Commands run in copies of a process that has imported what commands import: a second less than a new interpreter.

Each is a process of its own that sees only the variables it is given. Tests of how a command is started, or of what it
imports, start an interpreter instead.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from shared.config import PROJECT_ROOT


class CopiedProcess:
    """A command that runs. Call `wait`, after a signal too."""

    def __init__(self, module: str, arguments: tuple[str, ...], environment: Mapping[str, str]) -> None:
        """Start `python -m module arguments` in the project's directory."""
        self._command = [module, *arguments]
        self._folder = tempfile.TemporaryDirectory(prefix="command-")
        self._output, self._errors = Path(self._folder.name) / "output", Path(self._folder.name) / "errors"
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.prepared_imports"])
        files = (str(self._output), str(self._errors))
        self._process = context.Process(target=_run, args=(self._command, dict(environment), files), daemon=True)
        with contextlib.chdir(PROJECT_ROOT):  # where the first start looks for the modules to prepare
            self._process.start()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        assert self._process.pid is not None
        with contextlib.suppress(ProcessLookupError):  # it may end at this instant
            os.kill(self._process.pid, number)

    def wait(self, timeout_seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Its result. Raises TimeoutError, after killing it."""
        self._process.join(timeout_seconds)
        code = self._process.exitcode
        if code is None:
            self._process.kill()
            self._process.join()
        texts = [path.read_text("utf-8") if path.exists() else "" for path in (self._output, self._errors)]
        self._folder.cleanup()
        if code is None:
            raise TimeoutError(f"{self._command} did not end within {timeout_seconds} s: {texts}")
        return subprocess.CompletedProcess(self._command, code, *texts)


def run_module(module: str, *arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`python -m module arguments` in the project's directory, waited for."""
    return CopiedProcess(module, arguments, environment).wait()


def run_new(folder: str, *command: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`python command` in this folder of the project, in a new interpreter."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT_ROOT / folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _run(command: list[str], environment: dict[str, str], files: tuple[str, str]) -> None:
    for number, path in enumerate(files, start=1):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(PROJECT_ROOT)
    module, sys.argv = command[0], command
    sys.modules.pop(module, None)  # as __main__ it is executed again, which Python would warn of
    runpy.run_module(module, run_name="__main__", alter_sys=True)
