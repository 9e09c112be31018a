"""From nothing to a platform that is up, by `docker-compose up -d`."""

from __future__ import annotations

from tests.containers.project import Project, service_of

ONCE = {"warehouse-init", "airflow-init", "s3-init"}


def test_every_service_becomes_healthy_and_what_runs_once_ends_well(platform: Project) -> None:
    containers = {service_of(each): each for each in platform.containers()}
    states = {name: each["State"] for name, each in containers.items()}
    assert {name for name, state in states.items() if state["Status"] == "exited"} == ONCE
    assert {state["ExitCode"] for state in states.values()} == {0}
    assert {name for name, state in states.items() if name not in ONCE and "Health" not in state} == set()
    assert {name: each["RestartCount"] for name, each in containers.items() if each["RestartCount"]} == {}
