"""What a container may do, and whom it can reach."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.containers.project import Project, service_of

MAY_BE_ROOT = {"s3": "the owner of its volume differs between releases of the image; it keeps DAC_OVERRIDE only"}
EXTRA_RIGHTS = {"s3": ["DAC_OVERRIDE"]}
RUN_ONCE = {"warehouse-init", "airflow-init", "s3-init"}
PUBLISHED = {
    "postgres": ("5432/tcp", "POSTGRES_PORT"),
    "s3": ("8333/tcp", "S3_PORT"),
    "airflow-webserver": ("8080/tcp", "AIRFLOW_PORT"),
    **{f"retailer{n}-db": ("5432/tcp", f"RETAILER{n}_DB_PORT") for n in (1, 2, 3)},
    **{f"retailer{n}-api": (f"500{n}/tcp", f"RETAILER{n}_PORT") for n in (1, 2, 3)},
}
NETWORKS = {
    "postgres": {"warehouse", "airflow"},
    "warehouse-init": {"warehouse"},
    "s3": {"storage"},
    "s3-init": {"storage"},
    **{f"retailer{n}-db": {f"retailer{n}"} for n in (1, 2, 3)},
    **{f"retailer{n}-api": {"retailers", f"retailer{n}"} for n in (1, 2, 3)},
    "airflow-init": {"airflow"},
    "airflow-webserver": {"airflow"},
    "airflow-dag-processor": {"airflow"},
    "airflow-scheduler": {"airflow", "warehouse", "storage", "retailers"},
}
CONNECT = """
import socket, sys
for target in sys.argv[1:]:
    host, port = target.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), 1).close()
        print("open")
    except OSError:
        print("closed")
"""


@pytest.fixture(scope="module")
def containers(platform: Project) -> dict[str, dict[str, Any]]:
    """`docker inspect` by service."""
    return {service_of(each): each for each in platform.containers()}


def test_no_container_runs_as_root_but_those_with_a_reason(containers: dict[str, dict[str, Any]]) -> None:
    users = {name: each["Config"]["User"].partition(":")[0] for name, each in containers.items()}
    assert {name for name, user in users.items() if user in ("", "0", "root")} == set(MAY_BE_ROOT)


def test_every_root_file_system_is_read_only_and_every_right_dropped(containers: dict[str, dict[str, Any]]) -> None:
    for name, each in containers.items():
        host = each["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert (host["CapAdd"] or []) == EXTRA_RIGHTS.get(name, []), name
        assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"]), name
        assert not host["Privileged"], name
        assert (host["PidMode"], host["NetworkMode"] == "host", host["IpcMode"]) == ("", False, "private"), name


def test_nobody_can_talk_to_the_engine(containers: dict[str, dict[str, Any]]) -> None:
    sources = {mount["Source"] for each in containers.values() for mount in each["Mounts"]}
    assert [source for source in sources if source.endswith(".sock")] == []


def test_memory_logs_and_restarts_are_limited(containers: dict[str, dict[str, Any]]) -> None:
    for name, each in containers.items():
        host = each["HostConfig"]
        assert 0 < host["Memory"] <= 3 * 2**30, name
        assert host["LogConfig"]["Config"].keys() == {"max-size", "max-file"}, name
        assert host["RestartPolicy"]["Name"] == ("no" if name in RUN_ONCE else "unless-stopped"), name


def test_only_the_documented_ports_are_published_and_on_this_machine_only(
    platform: Project, containers: dict[str, dict[str, Any]]
) -> None:
    found = {name: each["HostConfig"]["PortBindings"] or {} for name, each in containers.items()}
    expected = {
        name: {port: [{"HostIp": "127.0.0.1", "HostPort": platform.environment[setting]}]}
        for name, (port, setting) in PUBLISHED.items()
    }
    assert {name: ports for name, ports in found.items() if ports} == expected


def test_every_container_is_in_its_own_networks_only(platform: Project, containers: dict[str, dict[str, Any]]) -> None:
    found = {name: set(each["NetworkSettings"]["Networks"]) for name, each in containers.items()}
    assert found == {name: {f"{platform.name}_{each}" for each in networks} for name, networks in NETWORKS.items()}


@pytest.mark.parametrize(
    ("service", "reached", "closed"),
    [
        ("retailer1-api", ["retailer1-db:5432"], ["retailer2-db:5432", "postgres:5432", "s3:8333"]),
        ("retailer3-api", ["retailer3-db:5432"], ["retailer1-db:5432", "postgres:5432", "s3:8333"]),
        ("airflow-scheduler", ["postgres:5432", "s3:8333"], ["retailer1-db:5432", "retailer2-db:5432"]),
        ("airflow-webserver", ["postgres:5432"], ["retailer1-db:5432", "s3:8333", "retailer1-api:5001"]),
        ("airflow-dag-processor", ["postgres:5432"], ["retailer3-db:5432", "s3:8333", "retailer1-api:5001"]),
    ],
)
def test_a_container_reaches_what_it_needs_and_no_other(
    platform: Project, containers: dict[str, dict[str, Any]], service: str, reached: list[str], closed: list[str]
) -> None:
    """By name, and by address, which an intruder finds without a name."""
    addresses = [_address(containers, target) for target in closed if not _shared(containers, service, target)]
    said = platform.docker("exec", containers[service]["Id"], "python", "-c", CONNECT, *reached, *closed, *addresses)
    assert said.split() == ["open"] * len(reached) + ["closed"] * (len(closed) + len(addresses))


def _shared(containers: dict[str, dict[str, Any]], service: str, target: str) -> bool:
    other = target.partition(":")[0]
    one, two = (set(containers[name]["NetworkSettings"]["Networks"]) for name in (service, other))
    return bool(one & two)


def _address(containers: dict[str, dict[str, Any]], target: str) -> str:
    name, _, port = target.partition(":")
    network = next(iter(containers[name]["NetworkSettings"]["Networks"].values()))
    return f"{network['IPAddress']}:{port}"


def test_a_secret_is_only_in_the_containers_that_need_it(
    platform: Project, containers: dict[str, dict[str, Any]]
) -> None:
    holders = {
        "POSTGRES_SUPERUSER_PASSWORD": {"postgres", "warehouse-init"},
        "POSTGRES_OWNER_PASSWORD": {"warehouse-init"},
        "POSTGRES_PASSWORD": {"warehouse-init", "airflow-scheduler", "airflow-dag-processor"},
        "AIRFLOW_PASSWORD": {"airflow-init"},
        "RETAILER1_API_KEY": {"retailer1-api", "airflow-scheduler"},
        "RETAILER1_DB_PASSWORD": {"retailer1-db", "retailer1-api"},
        "AWS_SECRET_ACCESS_KEY": {"s3", "s3-init", "airflow-scheduler"},
    }
    for setting, expected in holders.items():
        secret = platform.environment[setting]
        found = {name for name, each in containers.items() if any(secret in line for line in each["Config"]["Env"])}
        assert found == expected, setting


def test_no_secret_is_shown_in_a_list_of_processes(platform: Project, containers: dict[str, dict[str, Any]]) -> None:
    commands = " ".join(str(each["Config"]["Cmd"]) + str(each["Args"]) for each in containers.values())
    secrets = [value for name, value in platform.environment.items() if re.search("PASSWORD|SECRET|KEY|TOKEN", name)]
    assert [value for value in secrets if value and value in commands] == []


def test_every_part_can_put_something_aside(platform: Project) -> None:
    """A web server does so for a large response, and fails if it cannot."""
    for each in platform.containers():
        if each["State"]["Running"]:
            platform.docker("exec", each["Id"], "sh", "-c", "echo x > /tmp/aside && rm /tmp/aside")
