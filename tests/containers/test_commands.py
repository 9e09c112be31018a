"""The stages as commands in containers: what they print, how they end, what Ctrl-C does."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from tests.containers.project import Project, service_of
from tests.containers.stages import EVERYONE, STAGES, loaded, stage
from tests.containers.terminal import CTRL_C, Terminal
from tests.waiting import wait_until

STARTED = "SELECT count(*) FROM ops.pipeline_runs WHERE business_date = %s AND stage = 'ingest'"
STATUSES = "SELECT status FROM ops.pipeline_runs WHERE business_date = %s AND stage = 'ingest' ORDER BY started_at"


def running(platform: Project, services: list[str]) -> list[str]:
    found = [each for each in platform.containers() if service_of(each) in services]
    return [service_of(each) for each in found if each["State"]["Running"]]


@pytest.mark.parametrize(("service", "module"), STAGES)
def test_a_date_that_is_none_ends_with_2_and_one_line(platform: Project, service: str, module: str) -> None:
    done = stage(platform, service, module, "15/01/2024", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    # docker-compose adds what it creates; its old version also the status.
    said = [line for line in done.stderr.splitlines() if not re.match(r" ?(Creating|Container) |\d+$", line)]
    assert said == ["'15/01/2024' is not a date. Give it as YYYY-MM-DD, for example 2024-01-15."]


def test_a_retailer_that_is_stopped_is_named_and_the_others_are_landed(platform: Project) -> None:
    platform.compose("stop", "-t", "2", "retailer2-api")
    try:
        command = ("run", "--rm", "--no-deps", "-e", "INGEST_MAX_ATTEMPTS=2", "ingestion")
        done = platform.compose(*command, "python", "-m", "ingestion.main", "2024-01-16", check=False)
    finally:
        platform.compose("start", "retailer2-api")
        platform.wait_until_healthy()
    assert done.returncode == 1
    assert "retailer_2 was not landed: " in done.stderr
    assert "retailer_1 was not landed" not in done.stderr + done.stdout
    stage(platform, "transformation", "transformation.main", "2024-01-16", check=False)
    assert loaded(platform, date(2024, 1, 16)) == EVERYONE - {"retailer_2"}


def test_ctrl_c_ends_a_stage_with_130_at_once_and_the_next_one_is_right(platform: Project) -> None:
    day = date(2024, 1, 17)
    ((before,),) = platform.warehouse(STARTED, day)
    platform.running.faults(1, "slow:1;seconds=20")
    try:
        command = (*platform.engine.compose, "run", "--rm", "--no-deps", "ingestion", "python", "-m", "ingestion.main")
        terminal = Terminal([*command, day.isoformat()], platform.directory, platform.shell())
        terminal.wait_until(lambda _: platform.warehouse(STARTED, day) == [(before + 1,)], 90)
        time.sleep(1)
        pressed = time.monotonic()
        terminal.press(CTRL_C)
        status = terminal.status(60)
    finally:
        platform.running.faults(1, None)
    assert (status, "Traceback" in terminal.shown) == (130, False), terminal.shown
    assert time.monotonic() - pressed < 10, terminal.shown
    assert platform.containers(oneoff=True) == []
    for service, module in STAGES:
        stage(platform, service, module, day.isoformat())
    assert loaded(platform, day) == EVERYONE
    assert platform.warehouse(STATUSES, day)[-1] == ("succeeded",)


def test_the_profile_services_runs_the_stages_for_yesterday_in_their_order(platform: Project) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    names = [service for service, _ in STAGES]
    # Airflow has run these stages for yesterday already, so nobody would have to wait for anybody.
    platform.warehouse_as_superuser("DELETE FROM ops.pipeline_runs WHERE business_date = %s", yesterday)
    try:
        platform.compose("--profile", "services", "up", "-d")
        wait_until(lambda: not running(platform, names), 180)
        states = {service: platform.inspect(service)["State"] for service in names}
        assert {service: state["ExitCode"] for service, state in states.items()} == dict.fromkeys(names, 0)
        runs = platform.warehouse(
            "SELECT stage, status, started_at, finished_at FROM ops.pipeline_runs WHERE business_date = %s"
            " ORDER BY started_at",
            yesterday,
        )
        assert [name for name, *_ in runs] == ["ingest", "transform", "quality"]
        assert {status for _, status, *_ in runs} == {"succeeded"}
        assert all(first[3] <= second[2] for first, second in pairwise(runs))
    finally:
        platform.compose("rm", "-f", "-s", *names)
