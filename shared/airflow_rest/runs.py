"""Runs of a DAG in Airflow's REST API: their business dates, their tasks, and the reasons of failures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote, urlencode

from shared.airflow_rest.client import AirflowApi, AirflowError
from shared.business_dates import business_date

UNFINISHED = ("queued", "running", None)
REPORT_TASK = "report_missing_retailers"
"""It repeats the errors of other tasks."""
NO_REASON = "it failed without a message; see its log in Airflow"
_PAGE = 100
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class _Dates:
    """What Airflow knows about the date of a run, in the same form as for a task."""

    run_type: str
    run_after: datetime
    logical_date: datetime | None
    data_interval_start: datetime | None
    data_interval_end: datetime | None


@dataclass(frozen=True)
class Run:
    """One run of a DAG."""

    dag_id: str
    run_id: str
    kind: str
    """scheduled, manual, backfill, asset_triggered."""
    state: str | None
    day: date
    """Its business date."""
    logical_date: datetime | None = None
    queued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended, successfully or not."""
        return self.state not in UNFINISHED

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        if not self.is_over or self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()

    @property
    def path(self) -> str:
        """The path of the run in the REST API."""
        return f"{runs_path(self.dag_id)}/{quote(self.run_id, safe='')}"

    def page(self, url: str) -> str:
        """The URL of the run in Airflow's web interface."""
        return f"{url}/dags/{self.dag_id}/runs/{quote(self.run_id, safe='')}"


@dataclass(frozen=True)
class Task:
    """One task of a run; the name of a mapped task includes its retailer."""

    name: str
    task_id: str
    map_index: int
    state: str | None
    try_number: int = 0
    seconds: float | None = None


def runs_path(dag_id: str) -> str:
    """The path of a DAG's runs in the REST API."""
    return f"/api/v2/dags/{quote(dag_id, safe='')}/dagRuns"


def read_run(content: Mapping[str, Any], timezone: str) -> Run:
    """A run from Airflow's JSON."""
    times = {
        name: _time(content.get(name))
        for name in ("logical_date", "data_interval_start", "data_interval_end", "queued_at", "start_date", "end_date")
    }
    kind = str(content["run_type"])
    dates = _Dates(
        kind,
        datetime.fromisoformat(content["run_after"]),
        times["logical_date"],
        times["data_interval_start"],
        times["data_interval_end"],
    )
    chosen = (content.get("conf") or {}).get("date")
    return Run(
        dag_id=str(content["dag_id"]),
        run_id=str(content["dag_run_id"]),
        kind=kind,
        state=content["state"],
        day=business_date(dates, chosen, timezone),
        logical_date=times["logical_date"],
        queued_at=times["queued_at"],
        started_at=times["start_date"],
        ended_at=times["end_date"],
    )


def trigger(
    api: AirflowApi, dag_id: str, timezone: str, *, conf: Mapping[str, Any] | None = None, run_id: str | None = None
) -> Run:
    """Trigger a run; it stays in the queue while the DAG is paused."""
    body = {"logical_date": None, "conf": dict(conf or {}), **({"dag_run_id": run_id} if run_id else {})}
    return read_run(api.call("POST", runs_path(dag_id), body), timezone)


def find_run(api: AirflowApi, run: Run, timezone: str) -> Run:
    """The run as it is now."""
    return read_run(api.call("GET", run.path), timezone)


def latest_runs(api: AirflowApi, dag_id: str, timezone: str, limit: int) -> list[Run]:
    """The runs that were updated last, the most recently queued first.

    A run that was cleared counts from the time when it was queued again.
    """
    found = list(_pages(api, runs_path(dag_id), "dag_runs", {"order_by": "-updated_at"}, most=limit))
    runs = [read_run(each, timezone) for each in found]
    return sorted(runs, key=lambda run: (run.queued_at or run.started_at or _NEVER, run.run_id), reverse=True)


def runs_between(api: AirflowApi, dag_id: str, first: datetime, last: datetime, timezone: str) -> list[Run]:
    """The runs whose logical dates are in a range, both ends included."""
    filters = {"logical_date_gte": first.isoformat(), "logical_date_lte": last.isoformat(), "order_by": "logical_date"}
    return [read_run(each, timezone) for each in _pages(api, runs_path(dag_id), "dag_runs", filters)]


def runs_named(api: AirflowApi, dag_id: str, prefix: str, timezone: str) -> list[Run]:
    """The runs whose names begin with `prefix`."""
    filters = {"run_id_prefix_pattern": prefix, "order_by": "id"}
    return [read_run(each, timezone) for each in _pages(api, runs_path(dag_id), "dag_runs", filters)]


def tasks_of(api: AirflowApi, run: Run) -> list[Task]:
    """The tasks of a run in the order in which they started; those that have not started come last."""
    found = list(_pages(api, f"{run.path}/taskInstances", "task_instances", {}))
    found.sort(key=lambda each: (each["start_date"] is None, each["start_date"] or "", each["map_index"]))
    return [_read_task(each) for each in found]


def reasons(api: AirflowApi, run: Run, tasks: Sequence[Task]) -> list[str]:
    """The errors of the failed tasks of a run, without the task that only repeats those of others."""
    failed = [each for each in tasks if each.state == "failed"]
    original = [each for each in failed if each.task_id != REPORT_TASK] or failed
    if not failed and run.state == "failed":
        return ["none of its tasks failed: the run was ended manually, by a cancelled backfill or by its timeout"]
    return [f"{each.name}: {_task_error(api, run, each)}" for each in original]


def last_error(events: Sequence[Any]) -> str:
    """The message of the last error in a task's log."""
    for event in reversed(events):
        if isinstance(event, Mapping) and event.get("level") in ("error", "critical"):
            return str(event.get("event"))
    return NO_REASON


def _task_error(api: AirflowApi, run: Run, task: Task) -> str:
    path = f"{run.path}/taskInstances/{task.task_id}"
    try:
        return str(api.call("GET", f"{path}/xcomEntries/error?map_index={task.map_index}")["value"])
    except AirflowError:
        where = f"{path}/logs/{task.try_number}?map_index={task.map_index}&full_content=true"
    try:
        return last_error(api.call("GET", where).get("content", []))
    except AirflowError:  # it never ran, or its log has been deleted
        return NO_REASON


def _read_task(content: Mapping[str, Any]) -> Task:
    task_id, index = str(content["task_id"]), int(content["map_index"])
    name = f"{task_id}[{content['rendered_map_index'] or index}]" if index >= 0 else task_id
    return Task(name, task_id, index, content["state"], int(content["try_number"]), content["duration"])


def _pages(
    api: AirflowApi, path: str, name: str, filters: Mapping[str, str], most: int | None = None
) -> Iterator[dict[str, Any]]:
    """The items of a listing, or the first `most` of them, page by page."""
    seen = 0
    while most is None or seen < most:
        wanted = _PAGE if most is None else min(_PAGE, most - seen)
        query = urlencode({**filters, "limit": wanted, "offset": seen})
        page = api.call("GET", f"{path}?{query}")[name]
        yield from page
        seen += len(page)
        if len(page) < wanted:
            return


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
