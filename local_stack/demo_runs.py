"""Running the pipeline for some days through Airflow's REST API and waiting for the outcome."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from local_stack.errors import StackError
from shared.airflow_rest.client import DAG_ID, AirflowApi
from shared.airflow_rest.runs import UNFINISHED, Run, reasons, runs_path, tasks_of

POLL_SECONDS = 0.7


@dataclass(frozen=True)
class DayRun:
    """One run of the DAG: its business date, Airflow's id and how it ended."""

    day: date
    run_id: str
    state: str = "queued"
    problems: tuple[str, ...] = ()


def trigger(airflow: AirflowApi, day: date, run_id: str) -> DayRun:
    """Trigger a run for this business date."""
    body = {"dag_run_id": run_id, "logical_date": None, "conf": {"date": day.isoformat()}}
    airflow.call("POST", runs_path(DAG_ID), body)
    return DayRun(day, run_id)


def wait(
    airflow: AirflowApi, runs: Sequence[DayRun], *, seconds: float, on_end: Callable[[DayRun], None]
) -> list[DayRun]:
    """Wait until all runs have ended; StackError when they take longer than `seconds`."""
    deadline = time.monotonic() + seconds
    ended: dict[str, DayRun] = {}
    while len(ended) < len(runs):
        for run in _ended(airflow, runs):
            if run.run_id not in ended:
                problems = _problems(airflow, run) if run.state != "success" else ()
                ended[run.run_id] = replace(run, problems=problems)
                on_end(ended[run.run_id])
        if time.monotonic() > deadline:
            late = ", ".join(str(run.day) for run in runs if run.run_id not in ended)
            raise StackError(f"the runs for {late} did not end within {seconds:.0f} s. See {airflow.page_url}")
        time.sleep(POLL_SECONDS)
    return [ended[run.run_id] for run in runs]


def _ended(airflow: AirflowApi, runs: Sequence[DayRun]) -> list[DayRun]:
    """Those of the runs that have ended, in one request: each costs the server as much as a step of a task."""
    latest = airflow.call("GET", f"{runs_path(DAG_ID)}?order_by=-id&limit=50")["dag_runs"]
    states = {each["dag_run_id"]: each["state"] for each in latest}
    return [replace(run, state=states[run.run_id]) for run in runs if states.get(run.run_id) not in UNFINISHED]


def _problems(airflow: AirflowApi, run: DayRun) -> tuple[str, ...]:
    """The error messages of a run's failed tasks."""
    known = Run(DAG_ID, run.run_id, "manual", run.state, run.day)
    return tuple(reasons(airflow, known, tasks_of(airflow, known)))
