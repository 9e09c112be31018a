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


def run_recorded(
    run: PipelineRun,
    *,
    around: Callable[[Stage], AbstractContextManager[None]],
    stages: Sequence[Stage] = STAGES,
    clock: Callable[[], datetime] = utc_now,
) -> None:
    """Finish runs that were killed, run the stages as `run_stages` does, and report the alerts of the outcome."""
    with RunRecord(run.settings.warehouse_dsn.get_secret_value(), clock=clock) as record:

        def before() -> None:
            unfinished = UnfinishedRun(run.run_id, "run", run.day, tuple(run.retailers), refreshes_views=True)
            if record.begin(unfinished):
                finish_killed_runs(run.settings, clock=clock)

        run_stages(run, around=around, stages=stages, before=before)
        report_outcome(run, clock=clock)
        record.is_finished = run.is_finished
