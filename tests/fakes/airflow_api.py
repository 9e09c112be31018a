"""Airflow's REST API in memory, over real HTTP: one DAG that runs daily at 02:00, its runs, tasks and backfills."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.http_vendor import HttpVendor, Reply, Request, http_vendor

NOW = datetime(2024, 2, 10, 9, tzinfo=UTC)
Facts = dict[str, Any]


def run_facts(run_id: str, state: str, **more: Any) -> Facts:
    """A run as Airflow's API describes it."""
    facts: Facts = {
        "dag_run_id": run_id,
        "dag_id": "retail_data_pipeline",
        "run_type": "manual",
        "state": state,
        "conf": {},
        "run_after": NOW.isoformat(),
        **dict.fromkeys(("logical_date", "data_interval_start", "data_interval_end", "start_date", "end_date")),
        "queued_at": NOW.isoformat(),
    }
    return facts | more


def scheduled_run(day: datetime, state: str, kind: str = "scheduled") -> Facts:
    """The run of a scheduled day."""
    end = day + timedelta(days=1)
    dates = {"logical_date": day, "data_interval_start": day, "data_interval_end": end, "run_after": end}
    times = {name: each.isoformat() for name, each in dates.items()}
    return run_facts(f"{kind}__{day:%Y-%m-%d}", state, run_type=kind, **times)


def task_facts(task_id: str, state: str | None, retailer: str | None = None, map_index: int = -1) -> Facts:
    """A task as Airflow's API describes it."""
    return {
        "task_id": task_id,
        "map_index": map_index,
        "rendered_map_index": retailer,
        "state": state,
        "start_date": NOW.isoformat(),
        "duration": 1.5,
        "try_number": 1,
    }


@dataclass
class FakeAirflow:
    """A fake Airflow; tests change its attributes."""

    runs: list[Facts] = field(default_factory=list)
    tasks: list[Facts] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    """Error messages that tasks left as XCom, by task."""
    paused: bool = False
    backfills: list[Facts] = field(default_factory=list)
    on_poll: Callable[[FakeAirflow], None] = lambda _: None
    """Called whenever a run is requested."""
    posted: list[Facts] = field(default_factory=list)

    def respond(self, request: Request) -> Reply:
        """Respond to a request as Airflow would."""
        url = urlsplit(request.path)
        body = json.loads(request.body) if request.body else {}
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/auth/token":
            return _json({"access_token": "t"}, 201)
        parts = [unquote(part) for part in url.path.removeprefix("/api/v2/").split("/")]
        if parts[0] == "backfills":
            return self._backfills(parts[1:], request.method, body)
        if len(parts) == 1:
            return _json({"dags": [self.dag()]})
        if parts[1] != "retail_data_pipeline":
            return _json({"detail": f"The Dag with ID: `{parts[1]}` was not found"}, 404)
        if len(parts) == 2:
            self.paused = body.get("is_paused", self.paused)
            return _json(self.dag())
        return self._runs(parts[3:], request.method, body, query)

    def dag(self) -> Facts:
        """The DAG."""
        return {
            "dag_id": "retail_data_pipeline",
            "is_paused": self.paused,
            "timetable_summary": "0 2 * * *",
            "next_dagrun_data_interval_start": "2024-02-10T02:00:00Z",
            "next_dagrun_data_interval_end": "2024-02-11T02:00:00Z",
            "next_dagrun_run_after": "2024-02-11T02:00:00Z",
        }

    def _runs(self, parts: list[str], method: str, body: Facts, query: dict[str, str]) -> Reply:
        if method == "POST":
            self.posted.append(body)
            run = run_facts(body.get("dag_run_id") or "manual__1", "queued", conf=body["conf"])
            self.runs.append(run)
            return _json(run)
        self.on_poll(self)
        if not parts:
            found = [run for run in self.runs if _fits(run, query)]
            start = int(query.get("offset", 0))
            return _json({"dag_runs": found[start : start + int(query["limit"])], "total_entries": len(found)})
        run = next(each for each in reversed(self.runs) if each["dag_run_id"] == parts[0])
        if len(parts) == 1:
            return _json(run)
        if len(parts) == 2:
            return _json({"task_instances": self.tasks, "total_entries": len(self.tasks)})
        said = self.errors.get(parts[2])
        return (
            _json({"value": said}) if said and parts[3] == "xcomEntries" else _json({"detail": "XCom not found"}, 404)
        )

    def _backfills(self, parts: list[str], method: str, body: Facts) -> Reply:
        if method == "GET":
            return _json({"backfills": self.backfills})
        since, until = (datetime.fromisoformat(body[name]) for name in ("from_date", "to_date"))
        days = [each for each in _scheduled_days() if since <= each <= until]
        there = {run["logical_date"]: run for run in self.runs if run["logical_date"]}
        again = {"none": (), "failed": ("failed",), "completed": ("failed", "success")}[body["reprocess_behavior"]]
        wanted = [day for day in days if (run := there.get(day.isoformat())) is None or run["state"] in again]
        if parts == ["dry_run"]:
            return _json({"backfills": [{"logical_date": day.isoformat()} for day in wanted]})
        if any(each["completed_at"] is None for each in self.backfills):
            return _json({"detail": "There is already a running backfill for dag retail_data_pipeline"}, 409)
        self.posted.append(body)
        for day in wanted:
            self.runs = [run for run in self.runs if run["logical_date"] != day.isoformat()]
            self.runs.append(scheduled_run(day, "queued", "backfill"))
        self.backfills.append({"id": 7, "completed_at": None, "is_paused": False, **body})
        return _json(self.backfills[-1])


@contextmanager
def fake_airflow(airflow: FakeAirflow) -> Iterator[HttpVendor]:
    """Serve the fake over HTTP."""
    with http_vendor(airflow.respond) as vendor:
        yield vendor


def _fits(run: Facts, query: dict[str, str]) -> bool:
    logical = datetime.fromisoformat(run["logical_date"]) if run["logical_date"] else None
    after, before = query.get("logical_date_gte"), query.get("logical_date_lte")
    if after and (
        logical is None or not datetime.fromisoformat(after) <= logical <= datetime.fromisoformat(before or "")
    ):
        return False
    return str(run["dag_run_id"]).startswith(query.get("run_id_prefix_pattern", ""))


def _scheduled_days() -> list[datetime]:
    first = datetime(2024, 1, 1, 2, tzinfo=UTC)
    return [first + timedelta(days=number) for number in range(60)]


def _json(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())
