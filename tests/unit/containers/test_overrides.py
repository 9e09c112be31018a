"""What docker/compose/ repeats of docker-compose.yml, because an override cannot add to it, stays the same."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import yaml

from scripts.environment_file.secret_files import MOVING
from shared.config import PROJECT_ROOT
from tests.documentation.documents import fences

OVERRIDES = PROJECT_ROOT / "docker" / "compose"


def services(*names: str) -> dict[str, Any]:
    files = [PROJECT_ROOT / "docker-compose.yml" if name == "" else OVERRIDES / f"{name}.yml" for name in names]
    found: dict[str, Any] = {}
    for path in files:
        found |= yaml.safe_load(path.read_text(encoding="utf-8"))["services"]
    return found


def clients(*names: str) -> set[str]:
    """Services that have the address of the warehouse's server."""
    return {
        name
        for name, service in services(*names).items()
        if re.search(r"\bpostgres:5432\b|'POSTGRES_HOST': 'postgres'", str(service.get("environment", "")))
    }


@pytest.mark.parametrize(
    ("files", "override"),
    [([""], "tls"), (["celery"], "celery-tls"), (["monitoring"], "monitoring-tls")],
)
def test_every_client_of_the_warehouse_checks_its_certificate(files: list[str], override: str) -> None:
    secured = services(override)

    found = clients(*files) - (set() if override == "tls" else set(services("tls")))
    assert found
    for name in found:
        environment = secured[name]["environment"]
        assert "verify-full" in (environment.get("PGSSLMODE"), environment.get("WAREHOUSE_SSLMODE")), name
        assert secured[name]["volumes"] == ["postgres-ca:/run/postgres-ca:ro"]


def test_postgres_keeps_its_settings_when_tls_is_added() -> None:
    plain, secured = services("")["postgres"]["command"], services("tls")["postgres"]["command"]

    assert secured.startswith(plain)
    assert "-c ssl=on" in secured.removeprefix(plain)


@pytest.mark.parametrize(("file", "override"), [("", "secrets"), ("celery", "celery-secrets")])
def test_a_service_does_the_same_when_its_secrets_come_from_files(file: str, override: str) -> None:
    plain = services(file)
    wrapped = {name: each["command"] for name, each in services(override).items() if "command" in each}
    assert wrapped
    for name, command in wrapped.items():
        before = plain[name]["command"]
        assert command[1] == "/export-secrets"
        assert command[2:] == (before if isinstance(before, list) else shlex.split(before))


@pytest.mark.parametrize("override", ["secrets", "celery-secrets"])
def test_every_secret_file_that_a_service_reads_is_mounted(override: str) -> None:
    for name, service in services(override).items():
        named = {path.removeprefix("/run/secrets/") for path in service["environment"].values() if "/run/sec" in path}
        assert named == set(service.get("secrets", [])), name


def test_every_secret_that_moves_to_a_file_is_known_to_docker_compose() -> None:
    text = (OVERRIDES / "secrets.yml").read_text(encoding="utf-8")

    assert set(yaml.safe_load(text)["secrets"]) == set(MOVING)


READ_SOURCES = {"ingestion", "retail", "airflow-scheduler", "airflow-worker"}
"""The services that connect to sources."""
DEFINITIONS = "${SOURCES_DIRECTORY:-./sources}:/opt/retail/sources:ro"


def test_only_what_reads_sources_gets_their_variables_and_secrets() -> None:
    every = services("celery", "")
    assert {name for name, each in every.items() if each.get("env_file")} == READ_SOURCES
    hidden = services("celery-secrets", "secrets")
    mounted = {
        name for name, each in hidden.items() if any("SECRETS_DIRECTORY" in it for it in each.get("volumes", []))
    }
    assert mounted == {name for name, each in hidden.items() if "SECRETS_DIRECTORY" in each["environment"]}
    assert mounted == READ_SOURCES


def test_what_needs_the_definitions_mounts_them_and_cannot_change_them() -> None:
    every = services("celery", "")
    mounted = {name for name, each in every.items() if DEFINITIONS in each.get("volumes", [])}
    assert mounted == READ_SOURCES | {"transformation", "data-quality"}
    assert mounted == {name for name, each in every.items() if "SOURCES_DIRECTORY" in (each.get("environment") or {})}


def test_a_connector_of_a_user_s_own_is_mounted_on_the_import_path_of_what_reads_sources() -> None:
    (shown,) = (each.text for each in fences("docs/SOURCES.md") if each.text.startswith("services:"))
    own = yaml.safe_load(shown.replace("# airflow-worker", "airflow-worker"))["services"]
    assert set(own) == READ_SOURCES
    assert {mount for each in own.values() for mount in each["volumes"]} == {"./my_company:/opt/retail/my_company:ro"}
    for image in ("ingestion", "transformation", "airflow"):
        dockerfile = (PROJECT_ROOT / "docker" / image / "Dockerfile").read_text(encoding="utf-8")
        assert re.search(r"PYTHONPATH=/opt/retail\b", dockerfile), image


def test_an_image_that_uses_the_warehouse_knows_the_migrations() -> None:
    for path in (PROJECT_ROOT / "docker").glob("*/Dockerfile"):
        text = path.read_text(encoding="utf-8")
        if "COPY shared shared" in text:
            assert re.search(r"^COPY database(/migrations)? database\1?$", text, re.MULTILINE), path.parent.name


def test_a_worker_has_the_settings_of_the_scheduler() -> None:
    scheduler, worker = services("")["airflow-scheduler"], services("celery")["airflow-worker"]
    of_scheduler = scheduler["environment"] | services("celery")["airflow-scheduler"]["environment"]
    assert worker["environment"] == of_scheduler
    assert (worker["volumes"], worker["env_file"]) == (scheduler["volumes"], scheduler["env_file"])


def test_no_address_of_the_store_or_of_a_retailer_is_fixed() -> None:
    for path in (PROJECT_ROOT / "docker-compose.yml", *OVERRIDES.glob("*.yml")):
        text = path.read_text(encoding="utf-8").replace("${S3_CONTAINER_ENDPOINT_URL-http://s3:8333}", "")
        assert not re.search(r"https?://(s3|retailer\d-api):", text), path.name
