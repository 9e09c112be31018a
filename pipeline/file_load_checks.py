"""Decides whether a file load is published: by the quality checks of its dates and the thresholds of its report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import TYPE_CHECKING

from monitoring.alerts.outcomes import CommandTask, command_origin, report_source_quality, task_alerts
from pipeline.stages import QUALITY
from shared.counts import counted
from shared.database import Cursor, session, transaction
from shared.errors import RetailError, StopRun

if TYPE_CHECKING:
    from data_quality.file_report.model import LoadReport
    from data_quality.results import QualityResult
    from ingestion.landing.write import RawZone
    from transformation.loads import RetailerLoad

Clock = Callable[[], datetime]
COMMAND = "retail etl"
"""In its name alerts are raised and resolved."""


class LoadRejected(StopRun):
    """The data fails a critical check, or the file misses a threshold. Nothing of it was published."""


class LoadUnfinished(StopRun):
    """The load is published, and something that follows a publication is not done; its note says who does it."""

    def __init__(self, load: RetailerLoad, error: RetailError) -> None:
        super().__init__(
            f"Published as load {load.load_id}: {counted(len(load.entries), 'date')}."
            f" What follows is not complete: {error}"
        )
        self.load_id = load.load_id


def load_alerts(dsn: str, retailer_id: str, run_id: str, clock: Clock) -> AbstractContextManager[None]:
    """Raise the alert of a source when the load inside fails, and resolve it when a load of the source succeeds.

    The alert has no date, because a file that cannot be read has none. A rejected load has the alerts of its dates, and
    a file that does not have the frozen columns of its source the alert about them.
    """
    from ingestion.schema_contracts.guard import SchemaFrozen

    task = load_task(retailer_id, run_id)
    return task_alerts(dsn, task, clock=clock, alerted_otherwise=(LoadRejected, LoadUnfinished, SchemaFrozen))


def load_task(retailer_id: str, run_id: str) -> CommandTask:
    """The load of a file: what its alert says when it fails."""
    return CommandTask(
        command_origin(COMMAND, run_id, "load_files"),
        f"A file of {retailer_id} was not loaded",
        "What to do: remove the cause, then load the file again with retail etl. Nothing is loaded twice.",
        retailer_id,
    )


class LoadChecks:
    """The checks of one file load. `result` is None until they have been made."""

    def __init__(
        self, zone: RawZone, retailer_id: str, days: Sequence[date], clock: Clock, allow_low_quality: bool
    ) -> None:
        self._dsn, self._run_id, self._retailer_id = zone.dsn, zone.run_id, retailer_id
        self._days, self._clock, self._allow_low_quality = days, clock, allow_low_quality
        self.result: QualityResult | None = None

    def check(self, cursor: Cursor, report: LoadReport) -> None:
        """Make the checks in the load's transaction, and keep the results in it. Raises LoadRejected."""
        from data_quality import audit_table
        from data_quality.file_report.outcome import threshold_results
        from data_quality.load_checks import check_load
        from data_quality.quality_checks import Status, describe_findings, outcome, score_run
        from data_quality.results import QualityResult
        from data_quality.scope import of_source
        from monitoring.lineage.flows import checking
        from monitoring.stage_runs import StageRun, record_stage

        day = self._days[-1]
        with record_stage(self._dsn, StageRun(self._run_id, QUALITY.name, day), clock=self._clock) as stage:
            results = [
                *threshold_results(report, self._days, is_binding=not self._allow_low_quality),
                *check_load(cursor, of_source(day, self._run_id, self._retailer_id)),
            ]
            self.result = result = QualityResult(day, tuple(results), score_run(results), outcome(results))
            failed = result.with_status(Status.FAIL)
            stage.finish(
                details=result.as_dict(),
                failed=sorted({each.check.name for each in failed}),
                message=" ".join(describe_findings(failed)),
            )
            if result.ok:
                audit_table.record_by_date(cursor, self._run_id, results, now=self._clock())
            stage.flows += checking(self._dsn, self._days, len(results))
        if failed:
            raise LoadRejected(f"Nothing of {self._retailer_id} was published: {' '.join(describe_findings(failed))}")

    def keep_rejected(self) -> None:
        """Keep the results of a load that was not published, in a transaction of their own."""
        from data_quality import audit_table

        if self.result is None:
            return
        with session(self._dsn, application_name="retail-etl") as connection, transaction(connection) as cursor:
            audit_table.record_by_date(cursor, self._run_id, self.result.checks, now=self._clock())

    def report_alerts(self) -> None:
        """Raise an alert for each date that failed, and resolve those of dates that have passed now."""
        findings = self.result.as_dict()["checks"] if self.result else ()
        todo = "Nothing was published. What to do: correct the file, then load it again with retail etl."
        origin = command_origin(COMMAND, self._run_id)
        report_source_quality(self._dsn, findings, origin, todo, clock=self._clock)
