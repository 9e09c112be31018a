"""Reads a tap, as Singer's specification calls a program that extracts data (docs/connectors/singer.md)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingestion.connectors.programs.catalog import select_stream
from ingestion.connectors.programs.connector import ProgramConnector, Task
from ingestion.connectors.programs.files import write_private
from ingestion.connectors.protocol import Runtime
from shared.config import IngestSettings
from shared.scratch import scratch_directory
from shared.sources.connection import Connection
from shared.sources.definition import SourceDefinition


class TapConnector(ProgramConnector):
    """The connector of a tap that speaks Singer's specification."""

    def __init__(
        self, source: SourceDefinition, connection: Connection, ingest: IngestSettings, runtime: Runtime
    ) -> None:
        super().__init__(source, connection, ingest, runtime)
        self._catalog: Mapping[str, Any] | None = None

    def command(self, directory: Path, task: Task) -> list[str]:
        """See `ProgramConnector.command`."""
        config = write_private(directory / "config.json", task.config)
        command = [*self.program.command, "--config", str(config)]
        if self.read.catalog != "none":
            if self._catalog is None:
                self._catalog = self._discovered(task.config)
            command += ["--catalog", str(write_private(directory / "catalog.json", self._catalog))]
        if task.state is not None:
            command += ["--state", str(write_private(directory / "state.json", task.state))]
        return command

    def _discovered(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """The tap's own catalog, in which our stream is selected. A run has one."""
        with scratch_directory() as directory:
            file = write_private(directory / "config.json", config)
            command = [*self.program.command, "--config", str(file), "--discover"]
            with self.running(command, directory) as process:
                document = b"\n".join(process.lines())
        return select_stream(self.what, document, self.read.stream or "", self.read.replication_key)
