"""Watch runs until they have finished: one line for each that has ended, a status line for the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import typer
from rich.console import Console

from cli.airflow_session import Airflow
from shared.airflow_rest.client import AirflowUnavailable
from shared.airflow_rest.runs import Run, Task, find_run, reasons, tasks_of
from shared.terminal_text import escape

POLL_SECONDS = 1.0
TIMEOUT_SECONDS = 120.0
"""How long Airflow may be unavailable while we watch: its API server may be restarting."""
QUEUED_SECONDS = 30.0
"""A run that waits longer in the queue is mentioned."""
_ENDED = ("success", "failed", "upstream_failed", "skipped", "removed")
_MARKS = {"success": "[green]ok[/]    ", "failed": "[red]failed[/]", "upstream_failed": "[red]failed[/]"}
_Result = TypeVar("_Result")


@dataclass
class RunMonitor:
    """Shows the progress of runs on a console."""

    airflow: Airflow
    console: Console
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    _shown: set[tuple[str, str]] = field(default_factory=set)

    def one(self, run: Run) -> tuple[Run, list[Task]]:
        """Watch a run's tasks until it has ended."""
        began = self.monotonic()
        with self.console.status("queued …") as status:
            while True:
                now = self._retry_when_unavailable(lambda: find_run(self.airflow.api, run, self.airflow.timezone))
                tasks = self._retry_when_unavailable(lambda: tasks_of(self.airflow.api, run))
                for task in tasks:
                    self._show_task(run, task)
                if now.is_over:
                    return now, tasks
                if now.state == "queued":
                    self._show_queued(run, self.monotonic() - began)
                going = [each.name for each in tasks if each.state not in (*_ENDED, None)]
                status.update(escape(", ".join(going) or now.state or "queued"))
                self.sleep(POLL_SECONDS)

    def many(self, look: Callable[[], Sequence[Run]]) -> list[Run]:
        """Watch several runs, as `look` finds them, until all have ended; one line for each that has."""
        began = self.monotonic()
        with self.console.status("queued …") as status:
            while True:
                runs = self._retry_when_unavailable(look)
                for run in sorted(runs, key=lambda each: each.day):
                    self._show_run(run)
                going = [run for run in runs if not run.is_over]
                if not going:
                    return list(runs)
                if all(run.state == "queued" for run in runs):
                    self._show_queued(going[0], self.monotonic() - began)
                running = ", ".join(sorted(str(run.day) for run in going if run.state == "running"))
                status.update(f"{len(runs) - len(going)} of {len(runs)} done; running: {running or 'none yet'}")
                self.sleep(POLL_SECONDS * (1 + len(runs) // 100))

    def _show_task(self, run: Run, task: Task) -> None:
        if task.state in _ENDED and self._first_time(run.run_id, f"{task.name}#{task.try_number}"):
            seconds = f"{task.seconds:6.1f} s" if task.seconds is not None else ""
            mark = _MARKS.get(task.state, task.state)
            said = "  not run, because an earlier task failed" if task.state == "upstream_failed" else ""
            self.console.print(f"  {mark} {escape(task.name):<44} [dim]{seconds}[/]{said}")

    def _show_run(self, run: Run) -> None:
        if run.is_over and self._first_time(run.run_id, str(run.state)):
            seconds = f"{run.seconds:6.1f} s" if run.seconds is not None else ""
            self.console.print(f"  {_MARKS.get(str(run.state), run.state)} {run.day} [dim]{seconds}[/]")
            if run.state == "failed":
                for reason in self._retry_when_unavailable(lambda: failure_reason(self.airflow, run)):
                    self.console.print(f"         {escape(reason)}")

    def _show_queued(self, run: Run, seconds: float) -> None:
        if seconds > QUEUED_SECONDS and self._first_time(run.run_id, "queued"):
            self.console.print(
                f"  still queued after {seconds:.0f} s: other runs go first,"
                " or the scheduler is not running (make health-check)"
            )

    def _first_time(self, run_id: str, what: str) -> bool:
        new = (run_id, what) not in self._shown
        self._shown.add((run_id, what))
        return new

    def _retry_when_unavailable(self, request: Callable[[], _Result]) -> _Result:
        """The result of `request`, which is repeated for a while when Airflow is unavailable."""
        unavailable_since: float | None = None
        while True:
            try:
                return request()
            except AirflowUnavailable:
                unavailable_since = unavailable_since or self.monotonic()
                if self.monotonic() - unavailable_since > TIMEOUT_SECONDS:
                    raise
            self.sleep(POLL_SECONDS)


def failure_reason(airflow: Airflow, run: Run) -> list[str]:
    """The reasons why a run failed; empty when it did not."""
    return reasons(airflow.api, run, tasks_of(airflow.api, run)) if run.state == "failed" else []


@contextmanager
def watching_only(what: str, page: str) -> Iterator[None]:
    """Ctrl-C stops the watching only: say that the runs continue, and exit with 130."""
    try:
        yield
    except KeyboardInterrupt as error:
        typer.echo(f"Stopped watching; {what} in Airflow. See {page}, or: retail schedule runs", err=True)
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
        "page": run.page(airflow.api.page_url),
    }
