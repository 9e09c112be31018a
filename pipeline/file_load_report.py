"""The quality report of a load: measured while it runs, written before it is published.

So a folder that cannot be written stops the load, and a process that is killed after the commit has its report.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import FixConfiguration

if TYPE_CHECKING:
    import duckdb

    from data_quality.file_report.model import LoadReport
    from data_quality.results import QualityResult
    from ingestion.connectors.files.read_files import FilesRead
    from ingestion.mapping.layouts import SourceMapping


class SnapshotReport:
    """The quality report of what was read, as it was when this was made."""

    def __init__(
        self,
        job_name: str | None,
        read: FilesRead,
        layout: SourceMapping,
        connection: duckdb.DuckDBPyConnection,
        max_reject_share: float,
        now: datetime,
        directory: Path | None,
    ) -> None:
        """`directory` is the folder of the run; None for no report."""
        self._job_name, self._read, self._layout = job_name, read, layout
        self._max_reject_share, self._now, self._directory = max_reject_share, now, directory
        self._snapshot = connection.cursor()
        self._snapshot.execute("SET TimeZone = 'UTC'")
        self._snapshot.execute("BEGIN")
        self._snapshot.execute("SELECT count(*) FROM landed_records").fetchone()

    def measure(self) -> LoadReport:
        """Measure everything, without the outcome."""
        from data_quality.file_report.report import build_report
        from ingestion.mapping.rules import catalogue, rules

        return build_report(
            self._snapshot,
            self._read,
            title=", ".join(file.name for file in self._read.files),
            job_name=self._job_name or "",
            now=self._now,
            rules=(*catalogue().values(), *rules(self._layout)),
            max_reject_share=self._max_reject_share,
        )

    def write(self, report: LoadReport, result: QualityResult | None, *, consequence: str = "") -> Path | None:
        """Write the files with the outcome of the checks; the page, if there is one.

        Raises FixConfiguration; its message goes on with the `consequence`.
        """
        from data_quality.file_report import writing
        from data_quality.file_report.outcome import with_outcome

        if self._directory is None:
            return None
        complete = with_outcome(report, result.checks) if result else report
        return writing.write_report(complete, self._directory, consequence=consequence).html

    def write_rejected(self, report: LoadReport, result: QualityResult | None) -> str:
        """Write the report of a load that is not published; the sentence that says where it is, or why it is not."""
        try:
            path = self.write(report, result)
        except FixConfiguration as error:
            return f" {error}"
        return f" Quality report: {path}" if path else ""
