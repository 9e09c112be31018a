"""`make bench-airflow`: from trigger to green for one ordinary day, beside a run of that shape whose tasks do nothing.

    python -m benchmarks.airflow_run [--days N]

What the second run takes is Airflow's own; the rest is ours. Starts the platform of this checkout when it is not up,
and stops it again then. Both DAGs are run once before anything is measured, then in turn.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg2 import sql
from rich.console import Console
from rich.table import Table

from benchmarks.machine import load_of_others
from local_stack.environment import no_proxy_for_us
from local_stack.layout import Layout
from local_stack.progress import Progress
from local_stack.stack import Stack
from shared.airflow_rest.client import DAG_ID, AirflowApi, AirflowError
from shared.config import RETAILER_IDS, read_environment
from shared.errors import RetailError

EMPTY_DAG = "benchmark_of_empty_tasks"
_DAG_FILE = Path(__file__).with_name("airflow_empty_dag.py.txt")
_GIVE_UP_SECONDS = 300.0
_MUST_SECONDS = 5.0


@dataclass(frozen=True)
class Run:
    """A run that ended green."""

    run_id: str
    seconds: float
    """From the trigger's answer asked for to the end that Airflow booked."""
    tasks: dict[str, float] = field(default_factory=dict)
    """Seconds of each task; the slowest of the mapped ones."""


def run(api: AirflowApi, dag_id: str, day: date) -> Run:
    """Trigger a date and wait until it is green. Raises TimeoutError or RuntimeError when it is not."""
    runs = f"/api/v2/dags/{dag_id}/dagRuns"
    asked = time.time()
    conf = {"date": day.isoformat()} if dag_id == DAG_ID else {}
    told = api.call("POST", runs, {"logical_date": None, "conf": conf})
    path = f"{runs}/{told['dag_run_id']}"
    while (told := api.call("GET", path))["state"] in ("queued", "running"):
        if time.time() > asked + _GIVE_UP_SECONDS:
            raise TimeoutError(f"{dag_id} is still {told['state']} after {_GIVE_UP_SECONDS:.0f} s")
        time.sleep(1)  # the end is read from its books; asking costs processor time
    if told["state"] != "success":
        raise RuntimeError(f"{dag_id} for {day} ended {told['state']}")
    tasks: dict[str, float] = {}
    for task in api.call("GET", f"{path}/taskInstances")["task_instances"]:
        tasks[task["task_id"]] = max(tasks.get(task["task_id"], 0.0), float(task["duration"] or 0))
    return Run(told["dag_run_id"], datetime.fromisoformat(told["end_date"]).timestamp() - asked, tasks)


@contextmanager
def empty_dag(layout: Layout, api: AirflowApi) -> Iterator[None]:
    """A DAG of the pipeline's shape whose tasks do nothing, as long as it is needed."""
    path = layout.root / "airflow" / "dags" / f"{EMPTY_DAG}.py"
    path.write_text(_DAG_FILE.read_text(encoding="utf-8").replace("RETAILERS", repr(RETAILER_IDS)), encoding="utf-8")
    try:
        until = time.time() + 90
        while not _knows(api):
            if time.time() > until:
                raise TimeoutError("Airflow did not find the empty DAG")
            time.sleep(1)
        yield
    finally:
        path.unlink()
        if _knows(api):
            api.call("DELETE", f"/api/v2/dags/{EMPTY_DAG}")


def _knows(api: AirflowApi) -> bool:
    try:
        return not api.call("GET", f"/api/v2/dags/{EMPTY_DAG}")["is_paused"]
    except AirflowError:
        return False


def measure(api: AirflowApi, layout: Layout, days: Sequence[date]) -> tuple[list[Run], list[Run]]:
    """The pipeline's runs and the empty ones, in turn; the first of each is thrown away."""
    ours, empty = [], []
    with empty_dag(layout, api):
        for day in days:
            empty.append(run(api, EMPTY_DAG, day))
            ours.append(run(api, DAG_ID, day))
    return ours[1:], empty[1:]


def middle(runs: Sequence[Run], task: str | None = None) -> float:
    """Median seconds of the runs, or of one task of them."""
    return statistics.median(run.tasks.get(task, 0.0) if task else run.seconds for run in runs)


def show(ours: Sequence[Run], empty: Sequence[Run]) -> float:
    """Print the figures; the seconds that are ours."""
    table = Table(title=f"Trigger to green, median of {len(ours)} days", title_justify="left", box=None)
    for name in ("", "pipeline, s", "empty tasks (Airflow's own), s", "ours, s"):
        table.add_column(name, justify="left" if not name else "right")
    for task in ours[0].tasks:
        both = middle(ours, task), middle(empty, task)
        table.add_row(task, f"{both[0]:.2f}", f"{both[1]:.2f}", f"{both[0] - both[1]:.2f}")
    whole = middle(ours), middle(empty)
    table.add_row("trigger to green", f"{whole[0]:.2f}", f"{whole[1]:.2f}", f"{whole[0] - whole[1]:.2f}", style="bold")
    console = Console(width=120)
    console.print(table)
    spread = ", ".join(
        f"{min(r.seconds for r in each):.1f} to {max(r.seconds for r in each):.1f}" for each in (ours, empty)
    )
    console.print(f"Shortest to longest: {spread} s. Other load of the machine: {load_of_others()} processes.")
    return whole[0] - whole[1]


def main(
    days: Annotated[int, typer.Option(min=1, help="How many business dates are measured.")] = 5,
    last: Annotated[str, typer.Option(help="The last of them; each must be new to the warehouse.")] = "",
) -> None:
    """Measure on the platform of this checkout."""
    layout = Layout()
    stack = Stack(layout, read_environment(dotenv=layout.root / ".env"), Progress())
    was_up = stack.is_up_to_stay()
    platform = stack.up()
    try:
        get = platform.environment.__getitem__
        api = AirflowApi(get("AIRFLOW_URL"), get("AIRFLOW_USERNAME"), get("AIRFLOW_PASSWORD"))
        api.wait_for_dag()
        end = date.fromisoformat(last) if last else _first_published(platform) - timedelta(days=1)
        ours, empty = measure(api, layout, [end - timedelta(days=back) for back in range(days + 1)])
        seconds = show(ours, empty)
        typer.echo("\n".join(f"{each.run_id}: {each.seconds:.1f} s for {_loaded(platform, each)}" for each in ours))
    except (RetailError, TimeoutError, RuntimeError) as error:
        typer.echo(f"bench: {error}", err=True)
        raise typer.Exit(1) from error
    finally:
        if not was_up:
            stack.down()
    outcome = "held" if seconds <= _MUST_SECONDS else "MISSED"
    typer.echo(f"{outcome}: {seconds:.1f} s are ours (must {_MUST_SECONDS:.0f})")


def _loaded(platform: Any, run: Run) -> str:
    """A run lands, besides its date, what its retailers have changed since: part of the work of an ordinary night."""
    statement = sql.SQL(
        "SELECT count(*), count(DISTINCT business_date), sum(fetched) FROM ops.load_ledger WHERE run_id = {}"
    ).format(sql.Literal(run.run_id))
    partitions, dates, records = platform.server.execute(statement, "retail_analytics")[0]
    if not records:
        raise RuntimeError(f"{run.run_id} loaded nothing: no retailer has sales of its date. Choose another by --last")
    return f"{partitions} partitions of {dates} dates, {records:,} records"


def _first_published(platform: Any) -> date:
    """Dates before it are new, so every measured run lands and loads a day; yesterday when nothing is published."""
    found = platform.server.execute("SELECT min(business_date) FROM ops.load_ledger", "retail_analytics")
    first: date | None = found[0][0]
    return first or date.today() - timedelta(days=1)  # noqa: DTZ011 - any past date will do


if __name__ == "__main__":
    os.environ.update(no_proxy_for_us(os.environ))
    typer.run(main)
