"""The alerts of a run that a command started: the same that a run in Airflow raises and resolves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from monitoring.alerts.outcomes import command_origin, report_missing, report_quality
from pipeline.run import PipelineRun
from pipeline.stages import INGEST, QUALITY, utc_now
from shared.errors import RetailError
from shared.logs import get_logger

log = get_logger(__name__)


def report_outcome(run: PipelineRun, *, clock: Callable[[], datetime] = utc_now) -> None:
    """Raise an alert for failed checks and for each source that is missing, and resolve what is fixed. Never raises."""
    dsn = run.settings.warehouse_dsn.get_secret_value()
    origin = command_origin("retail run", run.run_id)
    if facts := run.stages.get(QUALITY.name):
        report_quality(dsn, run.day, facts, origin, clock=clock)
    todo = (
        f"What to do: remove the cause, then run: retail run {run.day}; or leave it to the next scheduled run, which"
        " fills the gap."
    )
    missing = run.missing
    if run.error and INGEST.name not in run.stages:  # what all sources need was not there
        missing = dict.fromkeys(run.sources, run.error)
    try:
        report_missing(dsn, run.day, missing, origin, todo, clock=clock)
    except RetailError as error:
        log.warning("alerts about missing data were neither raised nor resolved", reason=str(error))
