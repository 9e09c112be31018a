"""The quality report of a load, written while it runs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from ingestion.connectors.files.read_files import FilesRead
    from ingestion.mapping.layouts import SourceMapping


class SnapshotReport:
    """The quality report of what was read, as it was when this was made."""

    def __init__(
        self,
        directory: Path,
        job_name: str | None,
        read: FilesRead,
        layout: SourceMapping,
        connection: duckdb.DuckDBPyConnection,
        run_id: str,
        now: datetime,
    ) -> None:
        self._directory, self._job_name = directory / run_id, job_name
        self._read, self._layout, self._now = read, layout, now
        self._snapshot = connection.cursor()
        self._snapshot.execute("SET TimeZone = 'UTC'")
        self._snapshot.execute("BEGIN")
        self._snapshot.execute("SELECT count(*) FROM landed_records").fetchone()

    def write(self) -> Path:
        """Write its files; the page among them."""
        from data_quality.file_report.report import build_report
        from data_quality.file_report.writing import write_report
        from ingestion.mapping.rules import catalogue, rules

        names = ", ".join(file.name for file in self._read.files)
        report = build_report(
            self._snapshot,
            self._read,
            title=names,
            job_name=self._job_name or "",
            now=self._now,
            rules=(*catalogue().values(), *rules(self._layout)),
        )
        return write_report(report, self._directory).html
