"""Which platform is meant, with engines played by small programs on PATH."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local_stack.processes import ServiceProcess, began
from local_stack.state import StackState, save
from scripts.pipeline_health.__main__ import NOTHING, check_all, probes
from scripts.pipeline_health.advice import Advice, Kind
from scripts.pipeline_health.containers import check_containers
from scripts.pipeline_health.engine import Engine
from scripts.pipeline_health.findings import Finding, Health, exit_status
from scripts.pipeline_health.platforms import Choice, Platform, find_platform
from shared.config import PROJECT_ROOT

NOW = datetime(2026, 11, 21, 10, 14, 31, tzinfo=UTC)
INSPECTED = Path(__file__).with_name("inspected.json")
COMPOSE = """
services:
  ok: {depends_on: {done-init: {condition: service_completed_successfully}}}
  done-init: {}
  failed-init: {}
  retailer2-api: {}
  worker: {scale: 2}
  tool: {profiles: [services]}
"""
CONTAINERS = "POSTGRES_PASSWORD=from-dotenv\nPOSTGRES_PORT=25432\nCOMPOSE_PROJECT_NAME=hstates\n"
LOCAL = "export WAREHOUSE_DSN=postgresql://u:p@127.0.0.1:5432/x\nexport S3_BUCKET_RAW='of local'\n"


class Machine:
    """A checkout and the programs of a machine."""

    def __init__(self, root: Path) -> None:
        self.root = root / "Retail.Analytics"
        self.programs = root / "bin"
        (self.root / ".local").mkdir(parents=True)
        self.programs.mkdir()
        for name in ("cat", "sleep"):  # and no docker, whatever this machine has
            (self.programs / name).symlink_to(f"/bin/{name}")
        (self.root / "docker-compose.yml").write_text(COMPOSE)

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def program(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def with_containers(self, compose: str = "docker-compose") -> None:
        """An engine that has the recorded containers."""
        ids = " ".join(each["Id"] for each in json.loads(INSPECTED.read_text()))
        config = f"cat {self.root}/docker-compose.yml"
        self.program(
            "docker",
            'case "$1 $2" in\n'
            f'"ps -aq") [ "$5" = label=com.docker.compose.project=hstates ] && printf "%s\\n" {ids};;\n'
            f'"inspect --type") cat {INSPECTED};;\n'
            '"logs --tail") echo on standard output; echo last words >&2;;\n'
            f'"compose version") {"exit 0" if compose == "docker compose" else "exit 1"};;\n'
            f'"compose config") {config};;\n'
            "*) exit 9;; esac\nexit 0",
        )
        if compose == "docker-compose":
            self.program("docker-compose", f'[ "$1" = config ] && {config}')

    def local_runs(self) -> None:
        alive = ServiceProcess("s3", os.getpid(), began(os.getpid()) or "")
        save(self.root / ".local" / "state.json", StackState(services=(alive,)))

    def find(self, choice: Choice = Choice.AUTO, shell: Mapping[str, str] | None = None) -> Platform:
        return find_platform(choice, root=self.root, shell={"PATH": str(self.programs), **(shell or {})})


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def services(platform: Platform) -> dict[str, Finding]:
    assert platform.engine is not None
    return {each.item: each for each in check_containers(platform.engine, platform.advice, NOW, platform.inspected)}


def test_the_local_platform_is_meant_when_it_runs(machine: Machine) -> None:
    machine.with_containers()
    machine.local_runs()
    machine.write(".env", CONTAINERS)
    machine.write(".local/env", LOCAL)
    platform = machine.find()
    assert (platform.kind, platform.environ["S3_BUCKET_RAW"]) == (Kind.LOCAL, "of local")
    assert machine.find(Choice.CONTAINERS).kind is Kind.CONTAINERS


def test_containers_are_meant_when_there_are_some_and_the_local_platform_is_stopped(machine: Machine) -> None:
    machine.with_containers()
    machine.write(".env", CONTAINERS)
    machine.write(".local/env", LOCAL)
    save(machine.root / ".local" / "state.json", StackState())
    shell_of_local = {"WAREHOUSE_DSN": "postgresql://u:p@127.0.0.1:5432/x", "S3_BUCKET_RAW": "of local"}
    for shell in ({}, shell_of_local):
        platform = machine.find(shell=shell)
        assert platform.kind is Kind.CONTAINERS
        assert platform.environ["POSTGRES_PASSWORD"] == "from-dotenv"
        assert not {"WAREHOUSE_DSN", "S3_BUCKET_RAW"} & set(platform.environ)
    assert "project hstates" in platform.title
    assert machine.find(Choice.LOCAL).environ["S3_BUCKET_RAW"] == "of local"


def test_the_shell_goes_before_the_settings_file_as_in_compose(machine: Machine) -> None:
    machine.with_containers()
    machine.write(".env", CONTAINERS)
    assert machine.find(shell={"POSTGRES_PORT": "5555"}).environ["POSTGRES_PORT"] == "5555"


def test_a_long_file_that_the_shell_names_does_not_matter(machine: Machine) -> None:
    machine.with_containers()
    machine.write(".env", CONTAINERS)
    machine.write("bundle.pem", "x" * 1_000_000)
    lines = services(machine.find(shell={"SSL_CERT_FILE": str(machine.root / "bundle.pem")}))
    assert lines["ok"].health is Health.OK


def test_without_a_project_name_it_is_the_directory_as_compose_writes_it(machine: Machine) -> None:
    platform = machine.find(Choice.CONTAINERS)
    assert platform.engine is not None
    assert platform.engine.project == "retailanalytics"


def test_a_warehouse_elsewhere_is_another_platform_without_services(machine: Machine) -> None:
    machine.with_containers()
    machine.write(".env", CONTAINERS)
    platform = machine.find(shell={"WAREHOUSE_DSN": "postgresql://u:secret@db.example.com/x"})
    assert platform.kind is Kind.OTHER
    assert platform.title == "another one, with its warehouse at db.example.com:5432"
    assert "services" not in probes(platform, NOW)
    here = machine.find(shell={"WAREHOUSE_DSN": "postgresql://u:secret@127.0.0.1:25432/x"})
    assert here.kind is Kind.CONTAINERS


def test_without_any_platform_the_status_is_unknown_and_says_what_to_do(machine: Machine) -> None:
    platform = machine.find()
    assert platform.kind is Kind.NONE
    found = check_all(probes(platform, NOW))
    assert (found, exit_status(found)) == ([NOTHING], 2)
    assert "make up" in NOTHING.remedy
    assert "docker-compose up -d" in NOTHING.remedy


def test_a_local_platform_that_is_stopped_is_reported_as_stopped(machine: Machine) -> None:
    save(machine.root / ".local" / "state.json", StackState())
    assert machine.find().kind is Kind.LOCAL


@pytest.mark.parametrize("compose", ["docker-compose", "docker compose"])
def test_every_service_is_named_with_either_compose(machine: Machine, compose: str) -> None:
    machine.with_containers(compose)
    machine.write(".env", CONTAINERS)
    lines = services(machine.find())
    assert lines["retailer2-api"].remedy == f"Start it: {compose} up -d retailer2-api"
    assert lines["failed-init"].reason == "ended with exit code 1: last words"
    assert (lines["done-init"].health, lines["worker"].reason) == (Health.OK, "2 of 2 running for 5 min")
    # A one-off container (docker-compose run) is nobody's service.
    assert "tool" not in lines


@pytest.mark.parametrize(
    ("script", "reason", "remedy"),
    [
        (
            "echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1",
            "Docker rejects this user (permission denied)",
            "usermod -aG docker",
        ),
        (
            "echo 'Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?' >&2; exit 1",
            "The container engine does not respond",
            "systemctl start docker",
        ),
        ("echo 'something new' >&2; exit 1", "docker ps: something new", "docker version"),
    ],
)
def test_an_inaccessible_engine_leaves_the_services_unknown(
    machine: Machine, script: str, reason: str, remedy: str
) -> None:
    machine.program("docker", script)
    machine.write(".env", CONTAINERS)
    platform = machine.find()
    assert platform.kind is Kind.CONTAINERS
    (line,) = services(platform).values()
    assert (line.health, line.reason) == (Health.UNKNOWN, reason)
    assert remedy in line.remedy


def test_a_machine_without_docker_says_so(machine: Machine) -> None:
    machine.write(".env", CONTAINERS)
    platform = machine.find()
    (line,) = services(platform).values()
    assert (line.health, line.reason) == (Health.UNKNOWN, "The docker command is not installed")


def test_an_engine_that_hangs_is_given_up_soon(machine: Machine) -> None:
    machine.program("docker", "exec sleep 30")
    engine = Engine(machine.root, {"PATH": str(machine.programs)}, timeout_seconds=0.2)
    (line,) = check_containers(engine, Advice(Kind.CONTAINERS), NOW)
    assert (line.health, line.reason) == (Health.UNKNOWN, "The container engine does not respond")


@pytest.mark.parametrize(
    ("said", "reason", "remedy"),
    [
        (
            'ERROR: Missing mandatory value for "environment" option interpolating'
            " {'POSTGRES_PASSWORD': '${POSTGRES_SUPERUSER_PASSWORD:?is missing. Run x}'} in service: is missing. Run x",
            "POSTGRES_SUPERUSER_PASSWORD is missing in .env, so compose stops",
            "python3 scripts/generate_env.py",
        ),
        (
            "error while interpolating services.s3.environment: required variable S3_KEY is missing a value: Run x",
            "S3_KEY is missing in .env, so compose stops",
            "python3 scripts/generate_env.py",
        ),
        ("yaml: line 3: oops.", "docker-compose config: yaml: line 3: oops", "docker-compose config"),
    ],
)
def test_compose_files_that_are_rejected_leave_the_containers_to_be_judged(
    machine: Machine, said: str, reason: str, remedy: str
) -> None:
    machine.with_containers()
    machine.write(".env", CONTAINERS)
    machine.write("said", said)
    machine.program("docker-compose", f"cat {machine.root}/said >&2; exit 1")
    lines = services(machine.find())
    assert (lines["compose files"].health, lines["compose files"].reason) == (Health.UNKNOWN, reason)
    assert lines["compose files"].remedy.endswith(remedy)
    assert (lines["ok"].health, lines["ill"].health) == (Health.OK, Health.DOWN)


def test_settings_that_are_missing_have_the_remedy_of_their_platform(machine: Machine) -> None:
    machine.program("docker", "exit 0")
    (machine.root / "sources").mkdir()
    machine.write("sources/retailer_1.yaml", (PROJECT_ROOT / "sources" / "retailer_1.yaml").read_text())
    found = check_all(probes(machine.find(Choice.CONTAINERS), NOW))
    assert exit_status(found) == 2
    missing = [each for each in found if "is missing" in each.reason or "is not configured" in each.reason]
    assert {each.area for each in missing} == {"environment", "warehouse", "S3", "retailer APIs", "Airflow"}
    assert all(" python3 scripts/generate_env.py" in each.remedy for each in missing)


def test_a_check_that_hangs_holds_up_nothing() -> None:
    over = threading.Event()

    def hangs() -> list[Finding]:
        over.wait(30)
        return []

    try:
        found = check_all({"S3": hangs, "fine": list}, deadline_seconds=0.2)
    finally:
        over.set()
    assert [(each.area, each.health, each.reason) for each in found] == [
        ("S3", Health.DOWN, "no response within 0.2 s")
    ]
