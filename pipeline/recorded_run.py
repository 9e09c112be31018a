"""A complete run of the pipeline by a command: recorded as unfinished until everything that follows it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from monitoring.unfinished_runs import RunRecord, UnfinishedRun
from pipeline.alerts import report_outcome
from pipeline.finish_runs import finish_killed_runs
from pipeline.run import PipelineRun, run_stages
from pipeline.stages import STAGES, Stage, utc_now
from shared.errors import RetailError


def run_recorded(
    run: PipelineRun,
    *,
    around: Callable[[Stage], AbstractContextManager[None]],
    stages: Sequence[Stage] = STAGES,
    clock: Callable[[], datetime] = utc_now,
) -> bool:
    """Finish runs that were killed, run the stages as `run_stages` does, and report the alerts of the outcome.

    An error that keeps the run from being recorded is one of the first stage. Returns whether the run has published
    and something is left to do.
    """
    finish_killed_runs(run.settings, clock=clock)
    with RunRecord(run.settings.warehouse_dsn.get_secret_value(), clock=clock) as record:
        try:
            record.begin(UnfinishedRun(run.run_id, "run", run.day, tuple(run.retailers), refreshes_views=True))
        except RetailError as error:
            run.error, run.failed_stage = str(error), stages[0].name
        else:
            run_stages(run, around=around, stages=stages)
        report_outcome(run, clock=clock)
        record.is_finished = run.is_finished
    return record.is_kept
