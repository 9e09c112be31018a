"""The quality report of a load, measured while it runs, and written when its outcome is known."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

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
    ) -> None:
        self._job_name, self._read, self._layout = job_name, read, layout
        self._max_reject_share, self._now = max_reject_share, now
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


def write_report(report: LoadReport, result: QualityResult | None, directory: Path) -> Path:
    """Write the files of a report with the outcome of its load, and return the page. Raises FixConfiguration."""
    from data_quality.file_report import writing
    from data_quality.file_report.outcome import with_outcome

    return writing.write_report(with_outcome(report, result.checks) if result else report, directory).html
