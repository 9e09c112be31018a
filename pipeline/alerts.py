"""The alerts of a run that a command started: the same that a run in Airflow raises and resolves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from monitoring.alerts.outcomes import (
    command_origin,
    refresh_task,
    report_missing_by_command,
    report_quality,
    report_task,
    report_unchecked,
)
from pipeline.run import PipelineRun
from pipeline.stages import INGEST, QUALITY, REFRESH, utc_now

_COMMAND = "retail run"


def report_outcome(run: PipelineRun, *, clock: Callable[[], datetime] = utc_now) -> None:
    """Raise an alert for what failed and for each source that is missing, and resolve what is fixed. Never raises."""
    dsn = run.settings.warehouse_dsn.get_secret_value()
    origin = command_origin(_COMMAND, run.run_id)
    if facts := run.stages.get(QUALITY.name):
        report_quality(dsn, run.day, facts, origin, clock=clock)
    elif run.error and run.failed_stage == QUALITY.name:
        report_unchecked(dsn, run.day, run.error, origin, clock=clock)
    if REFRESH.name in (*run.stages, run.failed_stage):
        report_task(dsn, refresh_task(_COMMAND, run.run_id), run.error, clock=clock)
    missing = run.missing
    if run.error and INGEST.name not in run.stages:  # what all sources need was not there
        missing = dict.fromkeys(run.sources or run.retailers or run.settings.sources.due(run.day), run.error)
    report_missing_by_command(dsn, run.day, missing, origin, clock=clock)
