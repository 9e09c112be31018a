"""The alerts that follow from what a run came to, however it was started: failed checks and work, missing data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from monitoring.alerts.alerting import Clock, raise_alert, resolve_alerts
from monitoring.alerts.channels import Channel
from monitoring.alerts.model import Alert
from monitoring.alerts.run_history import resolve_caught_up, resolve_quality, unpublished
from shared.errors import RetailError
from shared.logs import get_logger
from shared.publication_gate import HeldDate

log = get_logger(__name__)
Findings = Sequence[Mapping[str, Any]]
"""Checks that are below their threshold, as `QualityResult.as_dict` has them."""
REFRESH_TASK = "refresh_materialized_views"
"""The task whose alert says that the views are not refreshed, in Airflow and for commands."""


@dataclass(frozen=True)
class AlertOrigin:
    """The run that an alert comes from."""

    run_id: str
    name: str
    """What ran, as in `retail etl, run etl-20240115T020000Z-abcdef`: alerts are resolved in its name."""
    dag_id: str | None = None
    task_id: str | None = None
    link: str | None = None

    def alert(
        self, kind: str, severity: str, summary: str, detail: str, day: date | None, retailer_id: str | None = None
    ) -> Alert:
        """An alert of this run."""
        return Alert(
            kind, severity, summary, detail, day, retailer_id, self.dag_id, self.run_id, self.task_id, self.link
        )


def command_origin(command: str, run_id: str, task_id: str | None = None) -> AlertOrigin:
    """The origin of a run that a command started."""
    return AlertOrigin(run_id, f"{command}, run {run_id}", task_id=task_id)


@dataclass(frozen=True)
class CommandTask:
    """Work of a command that is about no date: what its alert says when it fails."""

    origin: AlertOrigin
    """Its `task_id` names the work. A success resolves the alerts with that name, whichever run raised them."""
    summary: str
    todo: str
    retailer_id: str | None = None


def report_quality(dsn: str, day: date, facts: Mapping[str, Any], origin: AlertOrigin, *, clock: Clock) -> bool:
    """Raise or resolve the alert of a date of which every source was checked.

    `facts` is what `QualityResult.as_dict` returns. Returns whether an alert says why the check failed.
    """
    outcome = facts["outcome"]
    _resolve_quality(dsn, day, outcome, origin, clock)
    if outcome == "pass":
        return False
    messages = [check["message"] for check in facts["checks"] if check["status"] in ("fail", "warn")]
    if outcome == "warn":
        summary, todo = f"Quality warnings for {day}", "The views are refreshed all the same. "
    else:
        summary, todo = f"Quality check failed for {day}", "The views keep their previous content. "
    todo += f"What to do: python -m data_quality.main {day} shows every check and its remedy."
    detail = "\n".join([*messages, f"Score: {facts['score']:.1f} of 100", todo])
    severity = "critical" if outcome == "fail" else "warning"
    raise_alert(dsn, origin.alert("quality_violation", severity, summary, detail, day), clock=clock)
    return bool(outcome == "fail")


def report_clocks(
    dsn: str, day: date, warnings: Mapping[str, Sequence[str]], origin: AlertOrigin, *, clock: Clock
) -> None:
    """Raise an alert for each source whose clock is ahead, and resolve the alerts of other sources. Never raises.

    `warnings` has an entry for each source that was read, empty where nothing is wrong.
    """
    for retailer_id, messages in warnings.items():
        if messages:
            summary, detail = f"The clock of {retailer_id} is ahead", "\n".join(messages)
            raise_alert(dsn, origin.alert("source_clock", "warning", summary, detail, day, retailer_id), clock=clock)
            continue
        try:
            resolve_alerts(dsn, kind="source_clock", retailer_id=retailer_id, by=origin.name, clock=clock)
        except RetailError as error:
            log.warning("alerts about clocks were not resolved", reason=str(error))


def report_schema(
    dsn: str,
    day: date,
    retailer_id: str,
    changed: tuple[str, str, str] | None,
    origin: AlertOrigin,
    *,
    clock: Clock,
) -> None:
    """Raise the alert of a source that sends other fields than before, or resolve it. Never raises.

    `changed` has the severity, the summary and the detail; None: it sends what it sent before.
    """
    if changed is not None:
        severity, summary, detail = changed
        raise_alert(dsn, origin.alert("schema_changed", severity, summary, detail, day, retailer_id), clock=clock)
        return
    try:
        resolve_alerts(dsn, kind="schema_changed", retailer_id=retailer_id, by=origin.name, clock=clock)
    except RetailError as error:
        log.warning("the alert about a schema was not resolved", reason=str(error))


def report_unchecked(dsn: str, day: date, error: str, origin: AlertOrigin, *, clock: Clock) -> None:
    """Raise the alert of a date that could not be checked. The next check of the date that passes resolves it."""
    todo = (
        "The views keep their previous content."
        f" What to do: remove the cause, then run: python -m data_quality.main {day}"
    )
    summary = f"Quality check failed for {day}"
    raise_alert(dsn, origin.alert("quality_violation", "critical", summary, f"{error}\n{todo}", day), clock=clock)


def report_source_quality(dsn: str, findings: Findings, origin: AlertOrigin, todo: str, *, clock: Clock) -> None:
    """Raise an alert for each source and date with a failed check, and resolve those that have passed since.

    However many dates have failed, one message is sent.
    """
    _resolve_quality(dsn, None, "", origin, clock)
    failed: dict[tuple[str, date], list[str]] = {}
    for each in findings:
        if each["status"] == "fail":
            slice_key = (each["retailer_id"], date.fromisoformat(each["business_date"]))
            failed.setdefault(slice_key, []).append(each["message"])
    channels: Sequence[Channel] | None = None
    for number, ((retailer_id, day), messages) in enumerate(sorted(failed.items())):
        more = f" and {len(failed) - 1} more dates" if number == 0 and len(failed) > 1 else ""
        summary = f"Quality check failed for {retailer_id}, {day}{more}"
        detail = "\n".join([*messages, todo])
        alert = origin.alert("quality_violation", "critical", summary, detail, day, retailer_id)
        raise_alert(dsn, alert, clock=clock, channels=channels)
        channels = ()


def report_held(dsn: str, held: Sequence[HeldDate], origin: AlertOrigin, *, clock: Clock) -> None:
    """Raise an alert for each landed date that waits for a decision. Never raises.

    However many dates wait, one message is sent.
    """
    channels: Sequence[Channel] | None = None
    for number, each in enumerate(sorted(held, key=lambda held: (held.retailer_id, held.business_date))):
        more = f" and {len(held) - 1} more dates" if number == 0 and len(held) > 1 else ""
        summary = f"{each.retailer_id}, {each.business_date}{more} held: landed, not published"
        show = f"retail held show {each.held_load_id}" if each.held_load_id else "retail held list"
        todo = (
            "Readers see what was published before, if anything. The other dates and sources are not affected.\n"
            f"What to do: {show}. If the source corrects the date, the next run publishes it. Otherwise decide:"
            " retail held approve, or retail held discard."
        )
        detail = "\n".join([*each.messages, todo])
        alert = origin.alert("load_held", "error", summary, detail, each.business_date, each.retailer_id)
        raise_alert(dsn, alert, clock=clock, channels=channels)
        channels = ()


def report_missing(
    dsn: str, day: date, missing: Mapping[str, str], origin: AlertOrigin, todo: str, *, clock: Clock
) -> bool:
    """Resolve what has been caught up, and raise an alert for each source whose date was never published.

    `missing` has the reason of each. Returns whether every missing source has an alert. Raises RetryLater or
    FixConfiguration when the warehouse cannot be reached.
    """
    resolve_caught_up(dsn, by=origin.name, clock=clock)
    if not missing:
        return False
    absent = unpublished(dsn, list(missing), day)
    for retailer_id in absent:
        detail = f"{missing[retailer_id]}\n{todo}"
        alert = origin.alert("missing_data", "error", f"{retailer_id} has no data for {day}", detail, day, retailer_id)
        raise_alert(dsn, alert, clock=clock)
    return len(absent) == len(missing)


def report_missing_by_command(
    dsn: str, day: date, missing: Mapping[str, str], origin: AlertOrigin, *, clock: Clock
) -> None:
    """Do what `report_missing` does, for a command. Never raises.

    When the warehouse does not respond, one message is sent for all sources, although it may not be stored.
    """
    todo = (
        f"What to do: remove the cause, then run: retail run {day}; or leave it to the next scheduled run, which fills"
        " the gap."
    )
    try:
        report_missing(dsn, day, missing, origin, todo, clock=clock)
    except RetailError as error:
        log.warning("alerts about missing data were neither raised nor resolved", reason=str(error))
        if missing:
            (first, reason), *others = missing.items()
            has = f"and {len(others)} more sources have" if others else "has"
            summary, detail = f"{first} {has} no data for {day}", f"{reason}\n{todo}"
            raise_alert(dsn, origin.alert("missing_data", "error", summary, detail, day, first), clock=clock)


@contextmanager
def missing_alerts(
    dsn: str, day: date, retailers: Sequence[str], origin: AlertOrigin, *, clock: Clock
) -> Iterator[dict[str, str]]:
    """Do what `report_missing` does for the stage inside, which fills in the reason of each retailer that it lacks.

    A RetailError of the stage is the reason of all `retailers`.
    """
    missing: dict[str, str] = {}
    try:
        yield missing
    except RetailError as error:
        report_missing_by_command(dsn, day, dict.fromkeys(retailers, str(error)), origin, clock=clock)
        raise
    report_missing_by_command(dsn, day, missing, origin, clock=clock)


@contextmanager
def task_alerts(
    dsn: str, task: CommandTask, *, clock: Clock, alerted_otherwise: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Do what `report_task` does for the code inside. Errors of the kinds `alerted_otherwise` have their own alert."""
    try:
        yield
    except alerted_otherwise:
        raise
    except RetailError as error:
        report_task(dsn, task, str(error), clock=clock)
        raise
    report_task(dsn, task, None, clock=clock)


def report_task(
    dsn: str, task: CommandTask, error: str | None, *, clock: Clock, last_seen_before: datetime | None = None
) -> None:
    """Raise the alert of a task that has failed, or resolve those of earlier failures. Never raises.

    For a success in the past, `last_seen_before` is its time: later failures are not resolved.
    """
    origin = task.origin
    if error:
        alert = origin.alert("task_failed", "error", task.summary, f"{error}\n{task.todo}", None, task.retailer_id)
        raise_alert(dsn, alert, clock=clock)
        return
    try:
        resolve_alerts(
            dsn,
            kind="task_failed",
            task_id=origin.task_id,
            retailer_id=task.retailer_id,
            last_seen_before=last_seen_before,
            by=origin.name,
            clock=clock,
        )
    except RetailError as failed:
        log.warning("alerts about a failed task were not resolved", reason=str(failed))


def refresh_task(command: str, run_id: str) -> CommandTask:
    """The refresh of the views by a command."""
    todo = "The views keep their previous content. What to do: remove the cause, then run: retail refresh"
    return CommandTask(command_origin(command, run_id, REFRESH_TASK), "The views were not refreshed", todo)


def _resolve_quality(dsn: str, day: date | None, outcome: str, origin: AlertOrigin, clock: Clock) -> None:
    try:
        resolve_quality(dsn, day, outcome, by=origin.name, clock=clock)
    except RetailError as error:
        log.warning("alerts about quality were not resolved", reason=str(error))
