"""`make bench-airflow`: from trigger to success for an ordinary day, compared with a run whose tasks do nothing.

    python -m benchmarks.airflow_run [--days N]

The second run has the same shape, so its time is Airflow's own and the rest is the pipeline's. Starts the platform of
this checkout if it is not running, and then also stops it. Both DAGs run once unmeasured, then take turns.
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
from benchmarks.vendor_pages import RETAILERS
from local_stack.environment import no_proxy_for_us
from local_stack.layout import Layout
from local_stack.progress import Progress
from local_stack.stack import Stack
from shared.airflow_rest.client import DAG_ID, AirflowApi, AirflowError
from shared.config import read_environment
from shared.errors import RetailError

EMPTY_DAG = "benchmark_of_empty_tasks"
_DAG_FILE = Path(__file__).with_name("airflow_empty_dag.py.txt")
_GIVE_UP_SECONDS = 300.0
_MUST_SECONDS = 5.0


@dataclass(frozen=True)
class Run:
    """A run that succeeded."""

    run_id: str
    seconds: float
    """From sending the trigger request to the end time that Airflow recorded."""
    tasks: dict[str, float] = field(default_factory=dict)
    """Seconds of each task; for mapped tasks those of the slowest."""


def run(api: AirflowApi, dag_id: str, day: date) -> Run:
    """Trigger a date and wait until its run succeeded. Raises TimeoutError or RuntimeError if it does not."""
    runs = f"/api/v2/dags/{dag_id}/dagRuns"
    requested_at = time.time()
    conf = {"date": day.isoformat()} if dag_id == DAG_ID else {}
    current = api.call("POST", runs, {"logical_date": None, "conf": conf})
    path = f"{runs}/{current['dag_run_id']}"
    while (current := api.call("GET", path))["state"] in ("queued", "running"):
        if time.time() > requested_at + _GIVE_UP_SECONDS:
            raise TimeoutError(f"{dag_id} is still {current['state']} after {_GIVE_UP_SECONDS:.0f} s")
        time.sleep(1)  # the end time comes from Airflow; polling costs processor time
    if current["state"] != "success":
        raise RuntimeError(f"{dag_id} for {day} ended {current['state']}")
    tasks: dict[str, float] = {}
    for task in api.call("GET", f"{path}/taskInstances")["task_instances"]:
        tasks[task["task_id"]] = max(tasks.get(task["task_id"], 0.0), float(task["duration"] or 0))
    return Run(current["dag_run_id"], datetime.fromisoformat(current["end_date"]).timestamp() - requested_at, tasks)


@contextmanager
def empty_dag(layout: Layout, api: AirflowApi) -> Iterator[None]:
    """A DAG with the pipeline's shape whose tasks do nothing; removed at the end of the block."""
    path = layout.root / "airflow" / "dags" / f"{EMPTY_DAG}.py"
    path.write_text(_DAG_FILE.read_text(encoding="utf-8").replace("RETAILERS", repr(RETAILERS)), encoding="utf-8")
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
    """The pipeline's runs and the empty ones, in turns; the first of each is discarded."""
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
    """Print the figures. Returns the seconds that the pipeline adds to Airflow's own."""
    table = Table(title=f"Trigger to success, median of {len(ours)} days", title_justify="left", box=None)
    for name in ("", "pipeline, s", "empty tasks (Airflow's own), s", "difference, s"):
        table.add_column(name, justify="left" if not name else "right")
    for task in ours[0].tasks:
        both = middle(ours, task), middle(empty, task)
        table.add_row(task, f"{both[0]:.2f}", f"{both[1]:.2f}", f"{both[0] - both[1]:.2f}")
    total = middle(ours), middle(empty)
    table.add_row(
        "trigger to success", f"{total[0]:.2f}", f"{total[1]:.2f}", f"{total[0] - total[1]:.2f}", style="bold"
    )
    console = Console(width=120)
    console.print(table)
    spread = ", ".join(
        f"{min(r.seconds for r in each):.1f} to {max(r.seconds for r in each):.1f}" for each in (ours, empty)
    )
    console.print(f"Shortest to longest: {spread} s. Other load of the machine: {load_of_others()} processes.")
    return total[0] - total[1]


def main(
    days: Annotated[int, typer.Option(min=1, help="How many business dates are measured.")] = 5,
    last: Annotated[str, typer.Option(help="The last of the dates; none may be in the warehouse yet.")] = "",
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
    typer.echo(f"{outcome}: {seconds:.1f} s more than empty tasks (must {_MUST_SECONDS:.0f})")


def _loaded(platform: Any, run: Run) -> str:
    """A run also lands the dates that its retailers changed: this is part of the work of an ordinary run."""
    statement = sql.SQL(
        "SELECT count(*), count(DISTINCT business_date), sum(fetched) FROM ops.load_ledger WHERE run_id = {}"
    ).format(sql.Literal(run.run_id))
    partitions, dates, records = platform.server.execute(statement, "retail_analytics")[0]
    if not records:
        raise RuntimeError(f"{run.run_id} loaded nothing: no retailer has sales of its date. Choose another by --last")
    return f"{partitions} partitions of {dates} dates, {records:,} records"


def _first_published(platform: Any) -> date:
    """Dates before it are new, so every measured run lands and loads a day. Yesterday if nothing is published."""
    found = platform.server.execute("SELECT min(business_date) FROM ops.load_ledger", "retail_analytics")
    first: date | None = found[0][0]
    return first or date.today() - timedelta(days=1)  # noqa: DTZ011 - any past date will do


if __name__ == "__main__":
    os.environ.update(no_proxy_for_us(os.environ))
    typer.run(main)
