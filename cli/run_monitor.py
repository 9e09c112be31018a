"""Watching runs until they are done: one line for what has ended, one that moves for what goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from cli.airflow_session import Airflow
from shared.airflow_rest.client import AirflowUnavailable
from shared.airflow_rest.runs import Run, Task, find_run, reasons, tasks_of

POLL_SECONDS = 1.0
TIMEOUT_SECONDS = 120.0
"""How long Airflow may be silent while we watch: its API server may be restarted meanwhile."""
QUEUED_SECONDS = 30.0
"""After this in the queue it is worth a word."""
_ENDED = ("success", "failed", "upstream_failed", "skipped", "removed")
_MARKS = {"success": "[green]ok[/]    ", "failed": "[red]failed[/]", "upstream_failed": "[red]failed[/]"}
_Result = TypeVar("_Result")


@dataclass
class RunMonitor:
    """Where progress is shown, and how time passes."""

    airflow: Airflow
    console: Console
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    _told: set[tuple[str, str]] = field(default_factory=set)

    def one(self, run: Run) -> tuple[Run, list[Task]]:
        """RunMonitor a run's tasks until it has ended."""
        began = self.monotonic()
        with self.console.status("queued …") as status:
            while True:
                now = self._patiently(lambda: find_run(self.airflow.api, run, self.airflow.timezone))
                tasks = self._patiently(lambda: tasks_of(self.airflow.api, run))
                for task in tasks:
                    self._tell_task(run, task)
                if now.is_over:
                    return now, tasks
                if now.state == "queued":
                    self._tell_queued(run, self.monotonic() - began)
                going = [each.name for each in tasks if each.state not in (*_ENDED, None)]
                status.update(escape(", ".join(going) or now.state or "queued"))
                self.sleep(POLL_SECONDS)

    def many(self, look: Callable[[], Sequence[Run]]) -> list[Run]:
        """RunMonitor several runs, as `look` finds them, until all have ended; a line for each that has."""
        began = self.monotonic()
        with self.console.status("queued …") as status:
            while True:
                runs = self._patiently(look)
                for run in sorted(runs, key=lambda each: each.day):
                    self._tell_run(run)
                going = [run for run in runs if not run.is_over]
                if not going:
                    return list(runs)
                if all(run.state == "queued" for run in runs):
                    self._tell_queued(going[0], self.monotonic() - began)
                running = ", ".join(sorted(str(run.day) for run in going if run.state == "running"))
                status.update(f"{len(runs) - len(going)} of {len(runs)} done; running: {running or 'none yet'}")
                self.sleep(POLL_SECONDS * (1 + len(runs) // 100))

    def _tell_task(self, run: Run, task: Task) -> None:
        if task.state in _ENDED and self._first_time(run.run_id, f"{task.name}#{task.try_number}"):
            seconds = f"{task.seconds:6.1f} s" if task.seconds is not None else ""
            mark = _MARKS.get(task.state, task.state)
            said = "  not run, because of one before it" if task.state == "upstream_failed" else ""
            self.console.print(f"  {mark} {escape(task.name):<44} [dim]{seconds}[/]{said}")

    def _tell_run(self, run: Run) -> None:
        if run.is_over and self._first_time(run.run_id, str(run.state)):
            seconds = f"{run.seconds:6.1f} s" if run.seconds is not None else ""
            self.console.print(f"  {_MARKS.get(str(run.state), run.state)} {run.day} [dim]{seconds}[/]")
            if run.state == "failed":
                for reason in self._patiently(lambda: failure_reason(self.airflow, run)):
                    self.console.print(f"         {escape(reason)}")

    def _tell_queued(self, run: Run, seconds: float) -> None:
        if seconds > QUEUED_SECONDS and self._first_time(run.run_id, "queued"):
            self.console.print(
                f"  still queued after {seconds:.0f} s: other runs go first, or no scheduler runs (make health-check)"
            )

    def _first_time(self, run_id: str, what: str) -> bool:
        new = (run_id, what) not in self._told
        self._told.add((run_id, what))
        return new

    def _patiently(self, ask: Callable[[], _Result]) -> _Result:
        """The answer; a silence of Airflow's is waited out for a while."""
        silent_since: float | None = None
        while True:
            try:
                return ask()
            except AirflowUnavailable:
                silent_since = silent_since or self.monotonic()
                if self.monotonic() - silent_since > TIMEOUT_SECONDS:
                    raise
            self.sleep(POLL_SECONDS)


def failure_reason(airflow: Airflow, run: Run) -> list[str]:
    """The reasons why a run is red; none when it is not."""
    return reasons(airflow.api, run, tasks_of(airflow.api, run)) if run.state == "failed" else []


@contextmanager
def leaving_alone(what: str, page: str) -> Iterator[None]:
    """Ctrl-C ends the watching only: say that the rest goes on, and end with 130."""
    try:
        yield
    except KeyboardInterrupt as error:
        typer.echo(f"Not watched any more; {what} in Airflow. See {page}, or: retail schedule runs", err=True)
        raise typer.Exit(130) from error


def run_facts(airflow: Airflow, run: Run, because: Sequence[str] = ()) -> dict[str, Any]:
    """JSON-able form of a run."""
    return {
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "business_date": run.day.isoformat(),
        "kind": run.kind,
        "state": run.state,
        "queued_at": run.queued_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "seconds": run.seconds,
        "reasons": list(because),
        "page": run.page(airflow.api.url),
    }
