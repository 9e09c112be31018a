"""Reads a resource of dlt, by a script that runs with the Python that has it (docs/connectors/dlt.md)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from ingestion.connectors.programs.connector import ProgramConnector, Task
from ingestion.connectors.programs.files import write_private

_RUNNER = Path(__file__).with_name("dlt_runner.py")


class DltConnector(ProgramConnector):
    """The connector of a resource of dlt, which our own script reads in dlt's environment."""

    variables: ClassVar[Mapping[str, str]] = {"RUNTIME__DLTHUB_TELEMETRY": "false"}

    def command(self, directory: Path, task: Task) -> list[str]:
        """See `ProgramConnector.command`."""
        task_file = {"function": self.read.function, "stream": self.read.stream, "arguments": task.config}
        return [*self.program.command, str(_RUNNER), str(write_private(directory / "task.json", task_file))]
