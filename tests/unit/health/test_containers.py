"""The finding for each container state; the states were recorded from a real engine."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scripts.pipeline_health.advice import Advice, Kind
from scripts.pipeline_health.containers import judge, read
from scripts.pipeline_health.engine import ServiceDefinition
from scripts.pipeline_health.findings import Finding, Health

INSPECTED: list[dict[str, Any]] = json.loads(Path(__file__).with_name("inspected.json").read_text(encoding="utf-8"))
NOW = datetime(2026, 11, 21, 10, 14, 31, tzinfo=UTC)
LOG = "database is not there"


def recorded(service: str, **state: Any) -> dict[str, Any]:
    """The recorded container of a service, with other values in its state."""
    name = "com.docker.compose.service"
    container = copy.deepcopy(next(each for each in INSPECTED if each["Config"]["Labels"][name] == service))
    container["State"] |= state
    return container


def found(
    containers: list[dict[str, Any]],
    definitions: list[ServiceDefinition] | None = None,
    profiles: frozenset[str] = frozenset(),
) -> dict[str, Finding]:
    taken = [read(each, lambda _: LOG) for each in containers]
    return {each.item: each for each in judge(definitions, taken, profiles, Advice(Kind.CONTAINERS), NOW)}


def only(container: dict[str, Any], definition: ServiceDefinition | None = None) -> Finding:
    (finding,) = found([container], [definition] if definition else None).values()
    return finding


@pytest.mark.parametrize(
    ("service", "health", "reason", "remedy"),
    [
        ("ok", Health.OK, "healthy for 5 min", ""),
        ("worker", Health.OK, "2 of 2 running for 5 min", ""),
        ("done-init", Health.OK, "done", ""),
        (
            "failed-init",
            Health.DOWN,
            "ended with exit code 1: database is not there",
            "See: docker-compose logs --tail 50 failed-init, fix the cause, then: docker-compose up -d",
        ),
        (
            "ill",
            Health.DOWN,
            "runs, but its health check failed 11 times in a row: no response from x",
            "See: docker-compose logs --tail 50 ill, then: docker-compose restart ill",
        ),
        (
            "loop",
            Health.DOWN,
            "restarts again and again (7 times), ended with exit code 3: database is not there",
            "See: docker-compose logs --tail 50 loop",
        ),
        (
            "oom",
            Health.DOWN,
            "was killed for want of memory (limit 20 MiB)",
            "Raise its mem_limit in docker-compose.yml, then: docker-compose up -d oom",
        ),
        ("paused", Health.DOWN, "is paused", "Run: docker-compose unpause paused"),
        (
            "stopped",
            Health.DOWN,
            "was killed or did not stop in time (exit code 137): database is not there",
            "Start it: docker-compose up -d stopped",
        ),
        ("never", Health.DOWN, "was created, but never started", "Start it: docker-compose up -d never"),
    ],
)
def test_every_state_has_its_reason_and_remedy(service: str, health: Health, reason: str, remedy: str) -> None:
    finding = found(INSPECTED)[service]
    assert (finding.health, finding.reason, finding.remedy) == (health, reason, remedy)


def test_a_port_in_use_is_reported_as_the_reason() -> None:
    finding = found(INSPECTED)["taken"]
    assert finding.health is Health.DOWN
    assert finding.reason.startswith("cannot start: ")
    assert finding.reason.endswith("listen tcp4 127.0.0.1:18999: bind: address already in use")
    assert finding.remedy.startswith("Free the port or choose another in .env")


def test_a_service_that_was_stopped_politely_is_down_although_it_ended_well() -> None:
    finding = only(recorded("stopped", ExitCode=0))
    assert (finding.health, finding.reason) == (Health.DOWN, "was stopped (exit code 0)")


def test_a_container_that_is_starting_needs_attention_only() -> None:
    starting = recorded("ok", StartedAt=(NOW - timedelta(seconds=9)).isoformat())
    starting["State"]["Health"]["Status"] = "starting"
    finding = only(starting)
    assert (finding.health, finding.reason) == (Health.ATTENTION, "is starting, for 9 s")


def test_a_running_one_shot_has_not_failed() -> None:
    working = recorded("done-init", Status="running", StartedAt=(NOW - timedelta(seconds=9)).isoformat())
    assert only(working).reason == "is still at work, for 9 s"


def test_a_container_between_two_crashes_is_seen_as_a_loop() -> None:
    between = recorded("loop", Status="running", Restarting=False, StartedAt=(NOW - timedelta(seconds=2)).isoformat())
    finding = only(between)
    assert finding.health is Health.DOWN
    assert finding.reason == "restarts again and again (7 times), the last time 2 s ago"


def test_a_recovered_container_is_not_reported_as_restarting() -> None:
    young = recorded("ok", StartedAt=(NOW - timedelta(seconds=40)).isoformat())
    finding = only({**young, "RestartCount": 5})
    assert (finding.health, finding.reason) == (Health.OK, "healthy for 40 s, was restarted 5 times")


def test_one_that_was_restarted_long_ago_is_well_and_says_so() -> None:
    recovered = recorded("loop", Status="running", Restarting=False, StartedAt=(NOW - timedelta(hours=3)).isoformat())
    finding = only(recovered)
    assert (finding.health, finding.reason) == (Health.OK, "running for 3 h, was restarted 7 times")


def test_a_child_process_killed_for_want_of_memory_needs_attention() -> None:
    finding = only(recorded("ok", OOMKilled=True))
    assert finding.health is Health.ATTENTION
    assert "killed for want of memory" in finding.reason


def test_what_is_defined_but_has_no_container_is_down() -> None:
    services = [
        ServiceDefinition("ok"),
        ServiceDefinition("retailer2-api"),
        ServiceDefinition("s3-init", is_one_shot=True),
    ]
    lines = found([recorded("ok")], services)
    assert (lines["retailer2-api"].health, lines["retailer2-api"].reason) == (Health.DOWN, "no container")
    assert lines["retailer2-api"].remedy == "Start it: docker-compose up -d retailer2-api"
    # `docker container prune` removes a one-shot that has ended well.
    assert lines["s3-init"].health is Health.ATTENTION
    nothing = found([], services)["s3-init"]
    assert (nothing.health, nothing.remedy) == (Health.DOWN, "Start it: docker-compose up -d")


def test_services_of_a_profile_are_not_expected_unless_it_is_active() -> None:
    services = [ServiceDefinition("ok"), ServiceDefinition("tool", frozenset({"services"}))]
    assert set(found([recorded("ok")], services)) == {"ok"}
    assert found([recorded("ok")], services, frozenset({"services"}))["tool"].health is Health.DOWN


@pytest.mark.parametrize(("exit_code", "health"), [(0, Health.OK), (1, Health.ATTENTION)])
def test_a_stage_that_was_started_by_its_profile_may_end(exit_code: int, health: Health) -> None:
    ended = recorded("failed-init", ExitCode=exit_code)
    assert only(ended, ServiceDefinition("failed-init", frozenset({"services"}))).health is health


def test_of_scaled_services_each_missing_or_ill_container_is_counted() -> None:
    workers = [each for each in INSPECTED if each["Config"]["Labels"]["com.docker.compose.service"] == "worker"]
    service = ServiceDefinition("worker", containers=3)
    finding = found(workers, [service])["worker"]
    assert (finding.health, finding.reason) == (Health.DOWN, "2 of 3 run")
    dead = copy.deepcopy(workers[1])
    dead["State"] |= {"Status": "exited", "ExitCode": 1}
    finding = found([workers[0], dead], [ServiceDefinition("worker", containers=2)])["worker"]
    assert finding.reason == "1 of 2 are well; one ended with exit code 1: database is not there"


def test_more_containers_than_the_file_says_are_all_counted() -> None:
    finding = found(INSPECTED, [ServiceDefinition("worker")])["worker"]
    assert finding.reason == "2 of 2 running for 5 min"
