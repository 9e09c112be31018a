"""A part of Airflow or PostgreSQL dies in the middle of a run; after `make up` nothing is lost or doubled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta

import psutil
import pytest

from tests.airflow.conftest import held_up
from tests.conftest import Say
from tests.end_to_end.checkout import Checkout
from tests.end_to_end.running_platform import EVERYONE, Outcome, RunningPlatform
from tests.waiting import wait_until

FIRST = date(2023, 8, 20)
VICTIMS = ("airflow-scheduler", "airflow-api-server", "postgres", "worker", "task")
"""Who is killed. A worker is LocalExecutor's process that looks after a task; the task is the child that does it."""
DAYS = {victim: FIRST - 40 * n * timedelta(days=1) for n, victim in enumerate(VICTIMS)}
"""Each before the ones loaded earlier, and too far from them for a gap to be filled."""
LOADING = "SELECT count(*) FROM ops.pipeline_runs WHERE business_date = %s AND stage = 'transform'"


@pytest.fixture(scope="module")
def airflow(restarted: RunningPlatform) -> Iterator[RunningPlatform]:
    """The platform with the schedule on; the sales of its retailers do not change."""
    restarted.pause(False)
    with restarted.stopped_clocks():
        yield restarted


def service(checkout: Checkout, name: str) -> psutil.Process:
    """The leader of a running service."""
    recorded = json.loads((checkout.root / ".local" / "state.json").read_text(encoding="utf-8"))["services"]
    return psutil.Process(next(each["pid"] for each in recorded if each["name"] == name))


def doomed(checkout: Checkout, victim: str) -> list[psutil.Process]:
    """The processes that die."""
    if victim not in ("worker", "task"):
        leader = service(checkout, victim)
        return [leader, *leader.children(recursive=True)]
    workers = [each for each in service(checkout, "airflow-scheduler").children() if each.children()]
    return workers if victim == "worker" else [child for worker in workers for child in worker.children()]


def kill(processes: list[psutil.Process]) -> None:
    assert processes, "there is nobody to kill"
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    assert psutil.wait_procs(processes, 30)[1] == []


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_run_whose_helper_is_killed_ends_right_or_says_why_and_the_next_one_is_right(
    airflow: RunningPlatform, checkout: Checkout, settings: dict[str, str], victim: str, say: Say
) -> None:
    day = DAYS[victim]
    with held_up(airflow):
        run_id = airflow.trigger(day)
        wait_until(lambda: airflow.query(LOADING, day) != [(0,)], 180)
        kill(doomed(checkout, victim))
    status, output = checkout.run("up", **settings)
    assert status == 0, output

    outcome: Outcome = airflow.wait(run_id, 400)

    say(f"{victim} killed: {outcome.state}")
    if outcome.state == "failed":
        assert outcome.said
        assert airflow.run(day).state == "success"
    assert airflow.balance(day) == dict.fromkeys(EVERYONE, True)


def test_loading_the_same_dates_again_in_peace_changes_nothing(airflow: RunningPlatform) -> None:
    loaded = airflow.query("SELECT DISTINCT business_date FROM ops.load_ledger")
    digest = airflow.digest()
    runs = [airflow.trigger(day) for day in DAYS.values() if (day,) in loaded]
    assert {airflow.wait(run_id, 400).state for run_id in runs} == {"success"}
    assert airflow.digest() == digest
