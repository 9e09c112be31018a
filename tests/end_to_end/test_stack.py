from __future__ import annotations

import json
import os
import signal
import stat
import subprocess

import pytest

from tests.end_to_end.checkout import Checkout
from tests.waiting import wait_until

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(1200)]

SERVICES = {
    "postgres",
    "s3",
    "retailer1",
    "retailer2",
    "retailer3",
    "airflow-api-server",
    "airflow-scheduler",
    "airflow-dag-processor",
}


def running(checkout: Checkout) -> dict[str, int]:
    state = json.loads((checkout.root / ".local" / "state.json").read_text(encoding="utf-8"))
    return {service["name"]: service["pid"] for service in state["services"]}


def test_up_stays_a_demo_uses_it_and_down_stops_all(checkout: Checkout) -> None:
    status, output = checkout.run("up")
    assert status == 0, output
    pids = running(checkout)
    assert set(pids) == SERVICES
    assert "The platform is running" in output

    env_file = checkout.root / ".local" / "env"
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    shell = ". .local/env && curl -sf $AIRFLOW_URL/api/v2/version && curl -sf $RETAILER1_API_URL/health"
    assert subprocess.run(["sh", "-c", shell], cwd=checkout.root, env=checkout.environment()).returncode == 0

    assert checkout.run("up")[0] == 0
    assert running(checkout) == pids, "a second `up` starts nothing"
    assert checkout.run("status")[0] == 0

    status, output = checkout.run("demo")
    assert status == 0, output
    assert running(checkout) == pids, "a demo leaves a platform alone that was there before"

    status, output = checkout.run("down")
    assert status == 0, output
    assert checkout.processes() == []
    assert checkout.run("status")[0] == 1
    assert "Nothing was running" in checkout.run("down")[1]


def test_a_start_that_is_killed_leaves_nothing_that_down_does_not_find(checkout: Checkout) -> None:
    process = checkout.start("up")
    wait_until(lambda: len(checkout.processes()) >= 4, 120, every=0.1)

    process.kill()
    process.wait()
    assert checkout.processes() != []

    assert checkout.run("down")[0] == 0
    assert checkout.processes() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_stops_what_it_started(checkout: Checkout, number: signal.Signals) -> None:
    process = checkout.start("demo")
    wait_until(lambda: len(checkout.processes()) >= 6, 120, every=0.1)

    os.kill(process.pid, number)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Traceback" not in output
    assert checkout.processes() == []


def test_down_ends_a_demo_that_is_under_way(checkout: Checkout) -> None:
    process = checkout.start("demo")
    wait_until(lambda: len(checkout.processes()) >= 6, 120, every=0.1)

    assert checkout.run("down")[0] == 0

    assert process.wait(30) == 130
    assert checkout.processes() == []


def test_a_start_that_fails_is_rolled_back_and_names_the_log(checkout: Checkout) -> None:
    status, output = checkout.run("up", RETAILER2_SEED="not a number")

    assert status == 1
    assert "retailer2.log" in output.splitlines()[-1]
    assert "Traceback" not in output
    assert checkout.processes() == []


def test_two_commands_do_not_work_on_one_checkout_at_once(checkout: Checkout) -> None:
    process = checkout.start("demo")
    wait_until(lambda: len(checkout.processes()) >= 2, 120, every=0.1)

    status, output = checkout.run("up")

    assert status == 1
    assert "`make demo`" in output and "Wait for it" in output
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
