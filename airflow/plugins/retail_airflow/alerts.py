"""The alerts that Airflow's callbacks raise, resolve and announce; imported when one of them is called.

A task's callbacks run in its own process, those of a run in the dag-processor, that of a missed deadline in a worker.
Each reads the context and the warehouse's ledger, never XCom.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from monitoring.alerts import Alert, AlertMessage, announce, raise_alert, resolve_alerts
from monitoring.alerts.links import airflow_address
from monitoring.alerts.outcomes import AlertOrigin, report_missing, report_quality
from monitoring.alerts.run_history import RunFacts, chosen_sources, run_facts
from pipeline.stages import INGEST, REFRESH
from shared.business_dates import business_date
from shared.config import read_environment
from shared.errors import RetailError
from shared.logs import get_logger
from shared.postgres_settings import warehouse_dsn
from shared.urls import without_credentials

log = get_logger(__name__)
KILLED = "It gave no reason: its process was killed, or ran out of time or memory."
RUN_KINDS = ("task_failed", "run_failed", "run_late")


@dataclass(frozen=True)
class AlertContext:
    """The task or run that a callback is about."""

    dag_id: str
    run_id: str
    day: date | None
    """None for a DAG whose runs are not for a business date."""
    task_id: str | None = None
    retailer: str | None = None
    map_index: int = -1
    attempt: int = 0
    attempts: int = 0
    started_at: datetime | None = None

    @property
    def what(self) -> str:
        """`for retailer_2, 2026-11-20`, or nothing."""
        about = ", ".join(str(each) for each in (self.retailer, self.day) if each)
        return f" for {about}" if about else ""

    @property
    def link(self) -> str | None:
        """The page of the task, or of the run, in Airflow."""
        base = airflow_address()
        if not base:
            return None
        page = f"{base}/dags/{quote(self.dag_id)}/runs/{quote(self.run_id, safe='')}"
        if self.task_id:
            page += f"/tasks/{quote(self.task_id)}" + (f"/mapped/{self.map_index}" if self.map_index >= 0 else "")
        return page

    @property
    def origin(self) -> AlertOrigin:
        """What its alerts come from."""
        return AlertOrigin(self.run_id, f"{self.dag_id}, run {self.run_id}", self.dag_id, self.task_id, self.link)

    def alert(self, kind: str, severity: str, summary: str, detail: str) -> Alert:
        """An alert about it."""
        return self.origin.alert(kind, severity, summary, detail, self.day, self.retailer)


def alert_context(context: Mapping[str, Any]) -> AlertContext:
    """Read the context of a task, a run or a missed deadline."""
    run, instance = _run(context), context.get("ti")
    whose = {}
    if instance is not None:
        index = getattr(instance, "map_index", None)
        whose = {
            "task_id": instance.task_id,
            "retailer": _retailer(context, instance, run.run_id),
            "map_index": -1 if index is None else index,
            "attempt": instance.try_number,
            "attempts": (getattr(instance, "max_tries", None) or 0) + 1,
        }
    return AlertContext(run.dag_id, run.run_id, _day(context, run), **whose, started_at=run.start_date)


def _run(context: Mapping[str, Any]) -> Any:
    """The run as an object; a missed deadline's context has it as a dictionary, from Airflow's API."""
    run = context["dag_run"]
    if not isinstance(run, Mapping):
        return run
    names = ("logical_date", "run_after", "data_interval_start", "data_interval_end", "start_date")
    found = {name: datetime.fromisoformat(run[name]) if run.get(name) else None for name in names}
    run_id = run.get("dag_run_id") or run.get("run_id")
    return SimpleNamespace(**{**run, **found, "run_id": run_id})


def _day(context: Mapping[str, Any], run: Any) -> date | None:
    """The business date, of runs that can be given one by the parameter `date`.

    The chosen date is read from the run's own `conf`. The dag-processor handles several runs in one process, where the
    DAG's parameters may still contain the date of another run.
    """
    params = context.get("params")
    if params is not None and "date" not in params:
        return None
    chosen = (getattr(run, "conf", None) or {}).get("date")
    return business_date(run, chosen, os.environ.get("BUSINESS_TIMEZONE", "UTC"))


def _retailer(context: Mapping[str, Any], instance: Any, run_id: str) -> str | None:
    """The retailer of a mapped task; for a killed task, only its index in the sources of the run is known."""
    arguments = getattr(context.get("task"), "op_kwargs", None)
    if isinstance(arguments, Mapping) and isinstance(arguments.get("retailer"), str):
        return str(arguments["retailer"])
    index, dsn = getattr(instance, "map_index", None), _dsn()
    if instance.task_id != INGEST.task_id or index is None or index < 0 or not dsn:
        return None
    try:
        sources = chosen_sources(dsn, run_id)
    except RetailError as error:
        log.warning("the retailer of the task could not be read", reason=str(error))
        return None
    return sources[index] if index < len(sources) else None


def _dsn() -> str | None:
    """The warehouse's, without the rest of the settings; None where they do not name one."""
    problems: list[str] = []
    dsn = warehouse_dsn(read_environment(), problems)
    return None if problems else dsn


def _now() -> datetime:
    return datetime.now(UTC)


def _raise(alert: Alert) -> None:
    raise_alert(_dsn() or "postgresql://", alert, clock=_now)


def task_failed(context: Mapping[str, Any]) -> None:
    """Raise the alert of a task that has failed for good, unless the task has raised a better one itself."""
    it, error = alert_context(context), context.get("exception")
    if getattr(error, "is_alerted", False):
        return
    reason = without_credentials(str(error)) if error else KILLED
    todo = "What to do: read its log, remove the cause, then clear the task in Airflow, with what is downstream."
    _raise(it.alert("task_failed", "error", f"{it.task_id} failed{it.what}", f"{reason}\n{todo}"))


def task_retried(context: Mapping[str, Any]) -> None:
    """Announce that a task has failed and will be tried again."""
    it = alert_context(context)
    title = f"{it.task_id} failed{it.what} and is tried again (try {it.attempt} of {it.attempts})"
    _announce(
        it,
        title,
        [
            without_credentials(str(context.get("exception") or KILLED)),
            "Nothing to do yet: Airflow tries again by itself.",
        ],
    )


def task_succeeded(context: Mapping[str, Any]) -> None:
    """Resolve the alert of a task that has failed before; of the refresh of the views, whoever tried it before."""
    if dsn := _dsn():
        it = alert_context(context)
        whose: dict[str, Any] = {"task_id": it.task_id}
        if it.task_id != REFRESH.task_id:  # which a command may have failed to do as well
            whose |= {"dag_id": it.dag_id, "retailer_id": it.retailer, "business_date": it.day}
        resolve_alerts(dsn, kind="task_failed", **whose, by=it.origin.name, clock=_now)


def run_failed(context: Mapping[str, Any]) -> None:
    """Raise the alert of a failed run: critical when it was for a date and published nothing."""
    it, facts = _without_task(context), RunFacts()
    if dsn := _dsn():
        try:
            facts = run_facts(dsn, it.run_id, it.day)
            resolve_alerts(dsn, kind="run_late", dag_id=it.dag_id, business_date=it.day, by=it.origin.name, clock=_now)
        except RetailError as error:
            log.warning("the ledger could not be read for the alert", reason=str(error))
    critical = it.day is not None and not facts.partitions
    causes = [f"Cause: {each}" for each in facts.causes] or [f"Reason: {context.get('reason') or 'unknown'}"]
    todo = "What to do: remove the causes, then clear the failed tasks in Airflow, with what is downstream."
    state = "Nothing was published." if critical else "What could be published was published." if it.day else ""
    detail = "\n".join(filter(None, [*causes, state, *facts.sentences(_took(it)), todo]))
    _raise(it.alert("run_failed", "critical" if critical else "error", f"{it.dag_id} failed{it.what}", detail))


def run_succeeded(context: Mapping[str, Any]) -> None:
    """Resolve what was raised for the run's date, and announce the result of the run."""
    it, facts = _without_task(context), RunFacts()
    if dsn := _dsn():
        try:
            resolve_alerts(dsn, kind=RUN_KINDS, dag_id=it.dag_id, business_date=it.day, by=it.origin.name, clock=_now)
            facts = run_facts(dsn, it.run_id, it.day)
        except RetailError as error:
            log.warning("the ledger could not be read for the message", reason=str(error))
    _announce(it, f"{it.dag_id} succeeded{it.what}", facts.sentences(_took(it)), is_good=True)


def deadline_missed(context: Mapping[str, Any], limit_hours: float) -> None:
    """Raise the alert of a run that has not finished in time, unless it has ended meanwhile."""
    if _run(context).state in ("success", "failed"):
        return
    it = alert_context(context)
    detail = (
        f"It was queued more than {limit_hours:g} h ago and is {_run(context).state}.\n"
        "What to do: look in Airflow which task waits or runs, and read its log. A queued task wants a worker or a slot"
        " of its pool; a running one that does nothing can be cleared."
    )
    _raise(it.alert("run_late", "error", f"{it.dag_id} is late{it.what}: not done after {limit_hours:g} h", detail))


def quality_judged(context: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Raise or resolve the alert of the date's quality; returns whether one was raised that says why the task fails."""
    it = alert_context(context)
    return it.day is not None and report_quality(_dsn() or "postgresql://", it.day, facts, it.origin, clock=_now)


def data_missing(context: Mapping[str, Any], missing: Mapping[str, str]) -> bool:
    """Resolve what has been caught up, and raise an alert for each retailer whose date was never published.

    Returns whether every missing retailer has one.
    """
    it, dsn = alert_context(context), _dsn()
    if not dsn or not it.day:
        return False
    todo = (
        f"What to do: remove the cause, then clear the retailer's {INGEST.task_id} in Airflow, with what is downstream;"
        " or leave it to the next scheduled run, which fills the gap."
    )
    return report_missing(dsn, it.day, missing, it.origin, todo, clock=_now)


def _without_task(context: Mapping[str, Any]) -> AlertContext:
    """The context of a run's callback without the task that Airflow adds."""
    return alert_context({name: value for name, value in context.items() if name not in ("ti", "task")})


def _took(it: AlertContext) -> timedelta | None:
    return _now() - it.started_at if it.started_at else None


def _announce(it: AlertContext, title: str, lines: Sequence[str], *, is_good: bool = False) -> None:
    about = {"DAG": it.dag_id, "Run": it.run_id, "Airflow": it.link}
    body = "\n".join([title, "", *lines, "", *(f"{name}: {value}" for name, value in about.items() if value)])
    facts = {"dag_id": it.dag_id, "run_id": it.run_id, "task_id": it.task_id, "retailer_id": it.retailer}
    facts |= {"business_date": str(it.day) if it.day else None, "link": it.link, "status": "notice"}
    known = {name: value for name, value in facts.items() if value}
    announce(AlertMessage("info", title, body, f"{it.dag_id}/{it.run_id}", it.link, is_good, known))
