"""A setting in `.env` reaches the containers: no value is fixed, and none is forgotten."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from scripts.environment_file.for_sources import PREFIX
from scripts.environment_file.secret_files import MOVING
from shared.config import PROJECT_ROOT, SECTIONS
from shared.settings_registry.registry import names_read_by
from shared.settings_registry.setting import CONTAINERS, PIPELINE
from shared.sources.variables import variables_in
from tests import shipped_sources
from tests.containers.test_new_source import OF_USERS

REFERENCE = re.compile(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*)")
IN_SOURCES_ENV = {
    *(name for name in names_read_by(PIPELINE) if name.startswith(PREFIX)),
    *variables_in(shipped_sources.DIRECTORY),
}
"""scripts/generate_env.py writes them to sources.env; tests/unit/scripts/test_sources_env.py has the rest."""
LOADERS = ("airflow-scheduler", "ingestion", "retail", "transformation")
"""The services that load data, and so read every setting of the stages."""
NOT_FOR_LOADERS = {
    *("WAREHOUSE_DSN", "WAREHOUSE_OWNER_DSN", "WAREHOUSE_READER_DSN"),  # they have the address in its parts
    *("POSTGRES_OWNER_PASSWORD", "POSTGRES_READER_PASSWORD"),  # they load, and nothing else
    *("POSTGRES_SSLMODE", "POSTGRES_SSLROOTCERT"),  # tls.yml sets them
    "SECRETS_DIRECTORY",  # secrets.yml sets it
    *("AIRFLOW_URL", "AIRFLOW_PORT", "AIRFLOW_USERNAME", "AIRFLOW_PASSWORD"),  # not in Airflow's network
    "ALERT_CHANNELS",  # only what sends alerts
    *("RETAIL_LOG_FILE", "RETAIL_TRACEBACK"),  # no file stays in a container; `docker-compose run -e` sets the other
    *("OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT__TYPE"),  # they need a mount, or variables that nobody can list
}
NOT_IN_COMPOSE_FILES = {
    "COMPOSE_FILE",  # docker-compose itself reads it
    *("STATSD_PORT", "HTTP_PORT", "LISTEN_ADDRESS"),  # within airflow-metrics, where nothing else is in the way
}


def services(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / name).read_text(encoding="utf-8"))["services"]
    return found


@pytest.mark.parametrize("service", LOADERS)
def test_what_loads_data_gets_every_setting_of_the_pipeline(service: str) -> None:
    given = set(services("docker-compose.yml")[service]["environment"])

    assert names_read_by(PIPELINE) - NOT_FOR_LOADERS - IN_SOURCES_ENV - given == set(), "docker-compose.yml lacks it"


def test_every_setting_of_the_containers_is_in_a_compose_file() -> None:
    files = [PROJECT_ROOT / "docker-compose.yml", *(PROJECT_ROOT / "docker" / "compose").glob("*.yml")]
    named = {name for path in files for name in REFERENCE.findall(path.read_text(encoding="utf-8"))}
    set_there = {name for each in services("docker-compose.yml").values() for name in each.get("environment", ())}

    assert names_read_by(CONTAINERS) - IN_SOURCES_ENV - named - set_there == NOT_IN_COMPOSE_FILES


@pytest.mark.parametrize("file", ["docker-compose.yml", "docker/compose/celery.yml"])
def test_a_service_gets_each_of_its_secrets_from_a_file_too(file: str) -> None:
    overrides = [services(f"docker/compose/{name}.yml") for name in ("secrets", "celery-secrets")]
    for name, service in services(file).items():
        secret = set(MOVING) & set(REFERENCE.findall(str(service.get("environment", ""))))
        mounted = {secret for each in overrides for secret in each.get(name, {}).get("secrets", ())}
        assert secret <= mounted, name


def test_the_test_of_the_containers_sets_every_setting_of_ingestion() -> None:
    assert OF_USERS.keys() >= set(SECTIONS["ingest"].values())
