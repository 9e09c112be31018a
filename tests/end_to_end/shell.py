"""A shell that types what a document says."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

LONGEST_FENCE_SECONDS = 900
SHOWN_LINES = 60


class Shell:
    """A user's shell: exported variables and the working directory last from fence to fence."""

    def __init__(self, directory: Path, environment: Mapping[str, str], memory: Path) -> None:
        """Begin in `directory`; what lasts is kept in files in `memory`."""
        self._environment = dict(environment)
        self._variables, self._directory, self._output = (
            memory / name for name in ("variables", "directory", "output")
        )
        self._variables.write_text("", encoding="utf-8")
        self._directory.write_text(str(directory), encoding="utf-8")

    def type(self, text: str) -> tuple[int, str]:
        """Exit status and the end of the output."""
        directory = self._directory.read_text(encoding="utf-8").strip()
        before = f". {shlex.quote(str(self._variables))}\ncd {shlex.quote(directory)}"
        after = f"export -p > {shlex.quote(str(self._variables))}\npwd > {shlex.quote(str(self._directory))}"
        with self._output.open("wb") as output:
            # To a file: what a command leaves running may hold on to a pipe.
            done = subprocess.run(
                ["bash", "-c", f"set -eo pipefail\n{before}\n{text}\n{after}\n"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=LONGEST_FENCE_SECONDS,
            )
        said = self._output.read_text(encoding="utf-8", errors="replace").splitlines()
        return done.returncode, "\n".join(said[-SHOWN_LINES:])
