"""Running stages as Airflow tasks: the business date, retries, reports and callbacks.

Airflow is imported inside the functions only, so that reading this module costs nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

from pipeline.outcomes import (
    NOT_RETRYABLE,
    StageSummary,
    decide_outcome,
    held_parts,
    missing_retailers,
    published_retailers,
)
from pipeline.stages import INGEST, PLAN, TRANSFORM, StageCall, StageResult
from shared.business_dates import business_date, check_runnable, run_kind
from shared.config import load_settings
from shared.errors import FixConfiguration, RetailError, RetryLater, StopRun, describe_error
from shared.logs import get_logger

if TYPE_CHECKING:
    from ingestion.results import RetailerResult

log = get_logger(__name__)
XCom = Any
"""A task's result while the DAG is built: a placeholder for a value that does not exist yet."""


def chosen_date(timezone: str) -> str:
    """The business date of the current run; a future date, or another one in a backfill, fails the task."""
    context = _context()
    run, chosen = context["dag_run"], context["params"].get("date")
    day = business_date(run, chosen, timezone)
    if run_kind(run) == "backfill" and chosen and chosen != day.isoformat():
        fail_without_retry(
            f"This run of a backfill is for {day}, but the field Business date of its form was set to {chosen}, and"
            " every run would load that date. Start the backfill again with the field empty."
        )
    try:
        check_runnable(day, timezone, datetime.now(UTC))
    except FixConfiguration as error:
        fail_without_retry(str(error))
    return day.isoformat()


def run_stage(day: str, stage: Callable[[StageCall], StageResult]) -> StageSummary:
    """Run a stage and return what goes by XCom.

    Only temporary errors are retried; other errors fail the task with one line that says what to do.
    """
    context, alerted = _context(), False
    try:
        other_dates = not _only_this_date(context["dag_run"])
        call = StageCall(
            date.fromisoformat(day),
            load_settings(),
            context["run_id"],
            other_dates=other_dates,
            load_files=_load_files,
        )
        result = stage(call).as_dict()
        alerted = "outcome" in result and notify("quality_judged", context, result)
        return decide_outcome(result, tries_left=context["ti"].try_number <= context["ti"].max_tries)
    except RetailError as error:
        context["ti"].xcom_push(key="error", value=str(error))
        if type(error).__name__ in NOT_RETRYABLE or isinstance(error, FixConfiguration | StopRun):
            fail_without_retry(str(error), alerted=alerted)
        raise


def _load_files(call: StageCall, source_id: str) -> RetailerResult:
    """What the ingest stage does for a source of dropped files."""
    from pipeline.daily_files import load_files

    return load_files(call, source_id)


def choose_sources(day: str) -> list[str]:
    """Run the stage that chooses the sources; a date on which none is due is skipped, with all later tasks.

    Before that, runs of commands that were killed are finished.
    """
    from pipeline.finish_runs import finish_killed_runs

    def finish_and_choose(call: StageCall) -> StageResult:
        finish_killed_runs(call.settings)
        return PLAN.run(call)

    sources: list[str] = run_stage(day, finish_and_choose)["sources"]
    if not sources:
        skip(f"No source is due on {day}, so there is nothing to do. See: retail sources list")
    return sources


def finish_runs() -> StageSummary:
    """Finish the runs of commands that have published and were then killed; the task fails for one that cannot be."""
    from pipeline.finish_runs import finish_runs as finish

    try:
        done = finish(load_settings())
    except RetailError as error:
        if isinstance(error, FixConfiguration | StopRun):
            fail_without_retry(str(error))
        raise
    if problems := [f"{run_id} is not finished: {run.problem}" for run_id, run in done.items() if run.problem]:
        raise RetryLater("; ".join(problems))
    return {"runs": sorted(done), "findings": {run_id: run.finding for run_id, run in done.items() if run.finding}}


def published_or_skip(loaded: StageSummary) -> list[str]:
    """The retailers of which a date was published; when all that was landed is held, the task is skipped."""
    if not (names := published_retailers(loaded)):
        skip("Every date is held, so nothing was published. The last task of the run names them.")
    return names


def fail_for_missing_retailers(expected: Sequence[str] | None) -> None:
    """Fail the task, and so the run, naming each retailer whose date is not in the warehouse, or is held, and why.

    `expected` are the sources that the run was for, None when they could not be chosen.
    """
    if not expected:
        skip("No source was chosen, so none is missing. The log of choose_sources gives the reason.")
    context = _context()
    instance = context["ti"]
    indexes = list(range(len(expected)))
    errors = instance.xcom_pull(task_ids=INGEST.task_id, key="error", map_indexes=indexes)
    transformed = instance.xcom_pull(task_ids=TRANSFORM.task_id)
    missing = missing_retailers(dict(zip(expected, errors, strict=True)), transformed)
    alerted = notify("data_missing", context, missing)
    held = held_parts(transformed)
    reasons = [f"{name} is missing: {reason}" for name, reason in missing.items()]
    reasons += [f"{name} is held: {part['held_reason']}" for name, part in held.items()]
    if reasons:
        fail_without_retry("; ".join(reasons), alerted=alerted or not missing)


def notify(event: str, context: Mapping[str, Any], *details: Any) -> bool:
    """Raise or resolve alerts, then log the outcome of a task or run in one structured line, the reason first.

    That line is the last one of the log, where users look for it. Errors of the alerts are logged, never raised: a
    failed alert must not fail the run. Returns the result of the function of that name in `retail_airflow.alerts`:
    whether an alert explains why the task fails.
    """
    try:
        from retail_airflow import alerts

        return bool(getattr(alerts, event)(context, *details))
    except Exception as error:  # noqa: BLE001 - see above
        log.warning("the alert failed", what=event, reason=describe_error(error))
        return False
    finally:
        _log_event(event, context)


def _log_event(event: str, context: Mapping[str, Any]) -> None:
    if event not in REPORTED:
        return
    run, instance = context.get("dag_run"), context.get("ti")
    if isinstance(run, Mapping):  # of a missed deadline
        run = SimpleNamespace(dag_id=run.get("dag_id"), run_id=run.get("dag_run_id"))
    facts = {"what": event, "dag_id": getattr(run, "dag_id", None), "run_id": getattr(run, "run_id", None)}
    if instance:
        facts |= {"task_id": instance.task_id, "try_number": instance.try_number, "map_index": instance.map_index}
    reason = context.get("exception") or context.get("reason") or event
    if event.startswith("task_"):
        log.info("::endgroup::")  # otherwise Airflow's page hides the line that says what to do
    (log.error if event.endswith(("failed", "missed")) else log.info)(str(reason), **facts)


def task_failed(context: Mapping[str, Any]) -> None:
    """A task has failed and will not be retried."""
    notify("task_failed", context)


def task_retried(context: Mapping[str, Any]) -> None:
    """A task has failed and will be retried."""
    notify("task_retried", context)


def task_succeeded(context: Mapping[str, Any]) -> None:
    """A task has succeeded; an alert of an earlier failure is resolved."""
    notify("task_succeeded", context)


def run_failed(context: Mapping[str, Any]) -> None:
    """A run has failed."""
    notify("run_failed", context)


def run_succeeded(context: Mapping[str, Any]) -> None:
    """A run has succeeded."""
    notify("run_succeeded", context)


def deadline_missed(context: Mapping[str, Any], limit_hours: float) -> None:
    """A run has not finished in time. The context contains only dictionaries here."""
    notify("deadline_missed", context, limit_hours)


REPORTED = ("task_failed", "task_retried", "run_failed", "run_succeeded", "deadline_missed")
"""The events that get a line in the log; the others are logged elsewhere."""
TASK_CALLBACKS: StageSummary = {
    "on_failure_callback": task_failed,
    "on_retry_callback": task_retried,
    "on_success_callback": task_succeeded,
}
TASK_SETTINGS: StageSummary = {"pool": "retail_pipeline", **TASK_CALLBACKS}
RUN_CALLBACKS: StageSummary = {"on_failure_callback": run_failed, "on_success_callback": run_succeeded}


def deadline(environ: Mapping[str, str] = os.environ) -> Any:
    """Raise an alert when a run has not finished ALERT_DEADLINE_HOURS after it was queued, whatever its date."""
    from airflow.sdk.definitions.callback import SyncCallback
    from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

    limit = deadline_limit(environ)
    callback = SyncCallback(deadline_missed, kwargs={"limit_hours": limit.total_seconds() / 3600})
    # In seconds: Airflow up to 3.3.2 cannot clear a run whose interval is stored as a timedelta (apache/airflow#70368).
    seconds: Any = limit.total_seconds()
    return DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, seconds, callback, name=f"done within {limit}")


def deadline_limit(environ: Mapping[str, str]) -> timedelta:
    """ALERT_DEADLINE_HOURS, 4 without one. Raises FixConfiguration, which Airflow shows as the DAG's import error."""
    text = environ.get("ALERT_DEADLINE_HOURS") or "4"
    try:
        hours = float(text)
    except ValueError:
        hours = 0
    if not 0 < hours <= 24 * 365:
        raise FixConfiguration(f"ALERT_DEADLINE_HOURS is {text!r}. Set it to a number of hours, for example 4 or 1.5.")
    return timedelta(hours=hours)


def date_param(timezone: str) -> Any:
    """The field for a business date in the forms of the DAG's page.

    Airflow's page interprets the days of a backfill in the time zone that it shows, not in that of the schedule; the
    form is the only place for a timely hint.
    """
    from airflow.sdk import Param

    advice = (
        "Empty: the day before. In a backfill leave it empty; its days are those of the time zone at the bottom left,"
        f" so set that to {timezone} first."
    )
    return Param(None, advice, type=["null", "string"], format="date", title="Business date")


def documentation(dag_file: str) -> str:
    """The Markdown file next to a DAG file, which Airflow shows with the DAG."""
    return Path(dag_file).with_suffix(".md").read_text(encoding="utf-8")


def _only_this_date(run: Any) -> bool:
    """Whether only the run's own date is processed: in a backfill, and when its `conf` says so."""
    return run_kind(run) == "backfill" or bool((getattr(run, "conf", None) or {}).get("only_this_date"))


def _context() -> Any:
    from airflow.sdk import get_current_context

    return get_current_context()


def skip(reason: str) -> NoReturn:
    """Skip the current task, and with it those that need its result."""
    from airflow.sdk.exceptions import AirflowSkipException

    log.info(reason)
    raise AirflowSkipException(reason)


def fail_without_retry(message: str, *, alerted: bool = False) -> None:
    """Fail the current task; Airflow does not retry it."""
    from airflow.sdk.exceptions import AirflowFailException

    error: Any = AirflowFailException(message)
    error.is_alerted = alerted  # read by alerts.task_failed
    raise error from None
