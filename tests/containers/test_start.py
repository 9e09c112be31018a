"""From nothing to a platform that is up, by `docker-compose up -d`."""

from __future__ import annotations

import json

from shared.airflow_rest.client import DAG_ID
from shared.config import PROJECT_ROOT
from tests.conftest import Say
from tests.containers.engine import Engine
from tests.containers.figures import image_sizes, memory_by_service
from tests.containers.project import Project, service_of
from tests.waiting import wait_until

ONCE = {"warehouse-init", "airflow-init", "s3-init"}
FIGURES = PROJECT_ROOT / ".local" / "reports" / "containers" / "figures.json"


def test_every_service_becomes_healthy_and_what_runs_once_ends_well(platform: Project) -> None:
    containers = {service_of(each): each for each in platform.containers()}
    states = {name: each["State"] for name, each in containers.items()}
    assert {name for name, state in states.items() if state["Status"] == "exited"} == ONCE
    assert {state["ExitCode"] for state in states.values()} == {0}
    assert {name for name, state in states.items() if name not in ONCE and "Health" not in state} == set()
    assert {name: each["RestartCount"] for name, each in containers.items() if each["RestartCount"]} == {}


def test_the_first_scheduled_run_succeeds(platform: Project) -> None:
    path = f"/api/v2/dags/{DAG_ID}/dagRuns?run_type=scheduled"
    runs = wait_until(lambda: platform.airflow.call("GET", path)["dag_runs"], 1200)
    assert platform.running.wait(runs[0]["dag_run_id"], 240).state == "success"


def test_what_the_platform_costs_is_measured(platform: Project, engine: Engine, say: Say) -> None:
    memory = memory_by_service(platform)
    assert memory.keys() == {service_of(each) for each in platform.containers()} - ONCE
    figures = {
        "stand_in_images": engine.stand_ins,
        "seconds_from_cold_to_healthy": round(platform.cold_start_seconds),
        "memory_at_rest_mib": memory,
        "images": {name.partition("/")[2]: size for name, size in image_sizes(engine, platform.images()).items()},
    }
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    say(json.dumps(figures, indent=2))
    assert sum(memory.values()) < 4096  # a laptop of 8 GB has room for it


def test_up_again_leaves_every_service_as_it_runs(platform: Project) -> None:
    before = {service_of(each): (each["Id"], each["State"]["StartedAt"]) for each in platform.containers()}
    platform.up()
    after = {service_of(each): (each["Id"], each["State"]["StartedAt"]) for each in platform.containers()}
    assert {name for name in before if before[name] != after[name]} <= ONCE
    assert after.keys() == before.keys()
