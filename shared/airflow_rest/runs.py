"""Runs of a DAG as Airflow's REST API tells of them: their business dates, their tasks, why they are red."""

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
"""It repeats what other tasks said."""
NO_WORDS = "it failed without a word; see its log in Airflow"
_PAGE = 100
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class _Dates:
    """What Airflow knows of the date of a run, in the form in which a task meets it."""

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
        """Whether it has ended, well or not."""
        return self.state not in UNFINISHED

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        if not self.is_over or self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()

    @property
    def path(self) -> str:
        """Of the run in the REST API."""
        return f"{runs_path(self.dag_id)}/{quote(self.run_id, safe='')}"

    def page(self, url: str) -> str:
        """Of the run in Airflow's web interface."""
        return f"{url}/dags/{self.dag_id}/runs/{quote(self.run_id, safe='')}"


@dataclass(frozen=True)
class Task:
    """One task of a run; a mapped one by the name of its retailer."""

    name: str
    task_id: str
    map_index: int
    state: str | None
    try_number: int = 0
    seconds: float | None = None


def runs_path(dag_id: str) -> str:
    """Of a DAG's runs in the REST API."""
    return f"/api/v2/dags/{quote(dag_id, safe='')}/dagRuns"


def read_run(answer: Mapping[str, Any], timezone: str) -> Run:
    """A run from Airflow's JSON."""
    moments = {
        name: _moment(answer.get(name))
        for name in ("logical_date", "data_interval_start", "data_interval_end", "queued_at", "start_date", "end_date")
    }
    kind = str(answer["run_type"])
    dates = _Dates(
        kind,
        datetime.fromisoformat(answer["run_after"]),
        moments["logical_date"],
        moments["data_interval_start"],
        moments["data_interval_end"],
    )
    chosen = (answer.get("conf") or {}).get("date")
    return Run(
        dag_id=str(answer["dag_id"]),
        run_id=str(answer["dag_run_id"]),
        kind=kind,
        state=answer["state"],
        day=business_date(dates, chosen, timezone),
        logical_date=moments["logical_date"],
        queued_at=moments["queued_at"],
        started_at=moments["start_date"],
        ended_at=moments["end_date"],
    )


def trigger(
    api: AirflowApi, dag_id: str, timezone: str, *, conf: Mapping[str, Any] | None = None, run_id: str | None = None
) -> Run:
    """Ask for a run; it waits in the queue when the DAG is paused."""
    body = {"logical_date": None, "conf": dict(conf or {}), **({"dag_run_id": run_id} if run_id else {})}
    return read_run(api.call("POST", runs_path(dag_id), body), timezone)


def find_run(api: AirflowApi, run: Run, timezone: str) -> Run:
    """The run as it is now."""
    return read_run(api.call("GET", run.path), timezone)


def latest_runs(api: AirflowApi, dag_id: str, timezone: str, limit: int) -> list[Run]:
    """The runs that something happened to last, those queued last first.

    A run that was cleared and queued again is as new as one that was made then.
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
    """The tasks of a run in the order in which they began; those that have not, last."""
    found = list(_pages(api, f"{run.path}/taskInstances", "task_instances", {}))
    found.sort(key=lambda each: (each["start_date"] is None, each["start_date"] or "", each["map_index"]))
    return [_read_task(each) for each in found]


def reasons(api: AirflowApi, run: Run, tasks: Sequence[Task]) -> list[str]:
    """What the failed tasks of a run said; one that only repeats the others is left out."""
    failed = [each for each in tasks if each.state == "failed"]
    first_hand = [each for each in failed if each.task_id != REPORT_TASK] or failed
    if not failed and run.state == "failed":
        return ["no task of it has failed: it was ended by hand, by a cancelled backfill or by its time limit"]
    return [f"{each.name}: {_what_it_said(api, run, each)}" for each in first_hand]


def last_error(events: Sequence[Any]) -> str:
    """The last error in a task's log, in its own words."""
    for event in reversed(events):
        if isinstance(event, Mapping) and event.get("level") in ("error", "critical"):
            return str(event.get("event"))
    return NO_WORDS


def _what_it_said(api: AirflowApi, run: Run, task: Task) -> str:
    path = f"{run.path}/taskInstances/{task.task_id}"
    try:
        return str(api.call("GET", f"{path}/xcomEntries/error?map_index={task.map_index}")["value"])
    except AirflowError:
        where = f"{path}/logs/{task.try_number}?map_index={task.map_index}&full_content=true"
    try:
        return last_error(api.call("GET", where).get("content", []))
    except AirflowError:  # it never ran, or its log is gone
        return NO_WORDS


def _read_task(answer: Mapping[str, Any]) -> Task:
    task_id, index = str(answer["task_id"]), int(answer["map_index"])
    name = f"{task_id}[{answer['rendered_map_index'] or index}]" if index >= 0 else task_id
    return Task(name, task_id, index, answer["state"], int(answer["try_number"]), answer["duration"])


def _pages(
    api: AirflowApi, path: str, name: str, filters: Mapping[str, str], most: int | None = None
) -> Iterator[dict[str, Any]]:
    """All that a listing holds, or the first `most`, page by page."""
    seen = 0
    while most is None or seen < most:
        wanted = _PAGE if most is None else min(_PAGE, most - seen)
        query = urlencode({**filters, "limit": wanted, "offset": seen})
        page = api.call("GET", f"{path}?{query}")[name]
        yield from page
        seen += len(page)
        if len(page) < wanted:
            return


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
