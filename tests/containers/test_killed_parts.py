"""A part of the platform dies in the middle of a run, which ends right or says why; nothing is lost or doubled.

The store is not among the victims here: its stand-in keeps its objects in memory only. The real one has them on the
volume s3-data, as PostgreSQL has its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta

import psycopg2
import pytest

from tests.containers.project import Project
from tests.containers.stages import EVERYONE
from tests.waiting import wait_until

FIRST = date(2024, 5, 6)
BEGUN = "SELECT count(*) FROM ops.pipeline_runs WHERE business_date = %s AND stage = %s"
ROWS = """
SELECT md5(string_agg(f::text, E'\\n' ORDER BY f::text))
  FROM fact_sales AS f JOIN dim_date USING (date_key) WHERE full_date BETWEEN %s AND %s
"""
"""Each row with all its columns: keys, money, and the load that wrote it."""
VICTIMS = {
    "retailer1-api": "ingest",
    "airflow-webserver": "ingest",
    "airflow-dag-processor": "transform",
    "postgres": "transform",
    "airflow-scheduler": "transform",
}
"""Who is killed, in the middle of which stage."""
DAYS = {victim: FIRST + timedelta(days=place) for place, victim in enumerate(VICTIMS)}


@contextmanager
def held_up(platform: Project, stage: str) -> Iterator[None]:
    """Keep runs in the middle of a stage: the retailers respond slowly, or the load waits to write its facts."""
    if stage == "transform":
        blocker = psycopg2.connect(platform.dsn("postgres", "POSTGRES_SUPERUSER_PASSWORD"))
        with closing(blocker):
            blocker.cursor().execute("LOCK TABLE fact_sales IN SHARE MODE")
            yield
        return
    for number in (1, 2, 3):
        platform.running.faults(number, "slow:1;seconds=5")
    try:
        yield
    finally:
        for number in (1, 2, 3):
            platform.running.faults(number, None)


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_run_whose_helper_is_killed_ends_right_or_says_why_and_the_next_one_is_right(
    platform: Project, victim: str
) -> None:
    stage, day = VICTIMS[victim], DAYS[victim]
    with held_up(platform, stage):
        run_id = platform.trigger(day)
        wait_until(lambda: platform.warehouse(BEGUN, day, stage) != [(0,)], 120)
        time.sleep(2)
        platform.docker("kill", "--signal", "KILL", platform.container(victim))
        platform.compose(*(("up", "-d") if victim == "postgres" else ("start", victim)))
        platform.wait_until_healthy()
    outcome = platform.running.wait(run_id, 400)
    platform.say(f"{victim} killed in {stage}: {outcome.state}")
    if outcome.state == "failed":
        assert outcome.said
        assert platform.running.run(day).state == "success"
    assert platform.running.balance(day) == dict.fromkeys(EVERYONE, True)


def test_loading_the_same_dates_again_in_peace_changes_nothing(platform: Project) -> None:
    days = min(DAYS.values()), max(DAYS.values())
    rows = platform.warehouse(ROWS, *days)  # not the complete digest: the retailers continue to sell on other dates
    runs = [platform.trigger(day) for day in DAYS.values()]
    assert {platform.running.wait(run_id, 300).state for run_id in runs} == {"success"}
    assert platform.warehouse(ROWS, *days) == rows != [(None,)]


@pytest.mark.parametrize("service", ["retailer3-api", "airflow-dag-processor"])
def test_a_part_that_crashes_is_started_again_by_itself(platform: Project, service: str) -> None:
    before = platform.inspect(service)["RestartCount"]  # Airflow's parts also end when their database does
    platform.docker("exec", platform.container(service), "sh", "-c", "kill -9 -1", check=False)
    wait_until(lambda: platform.inspect(service)["RestartCount"] == before + 1, 30)
    platform.wait_until_healthy()
