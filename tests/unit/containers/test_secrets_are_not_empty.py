"""No part of the platform accepts an empty secret: docker-compose rejects it, or the first container that needs it."""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType
from typing import Any

import pytest
import yaml

from scripts.environment_file.secret_files import MOVING
from shared.config import PROJECT_ROOT
from shared.provisioning import PASSWORDS

FILES = [PROJECT_ROOT / "docker-compose.yml", *sorted((PROJECT_ROOT / "docker" / "compose").glob("*.yml"))]
OF_RETAILERS = {"RETAILER1_API_KEY", "RETAILER2_CLIENT_SECRET", "RETAILER3_HMAC_SECRET"}
"""retailers/serving/settings.py does not start without them (tests/unit/retailers/test_serving.py)."""
OF_DATABASES = {f"RETAILER{number}_DB_PASSWORD" for number in (1, 2, 3)}
"""PostgreSQL's image makes no database without a password."""


@pytest.fixture(scope="module")
def initialise() -> ModuleType:
    spec = importlib.util.spec_from_file_location("initialise", PROJECT_ROOT / "docker/airflow/initialise.py")
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_docker_compose_accepts_an_empty_secret_only_where_it_can_be_in_a_file_and_a_container_checks_it(
    initialise: ModuleType,
) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in FILES)
    may_be_empty = set(re.findall(r"\$\{(\w+)\?", text))

    assert may_be_empty <= set(MOVING), "with :? docker-compose rejects it when it is empty"
    checked = {*PASSWORDS.values(), *initialise.REQUIRED.values(), *OF_RETAILERS, *OF_DATABASES}
    assert may_be_empty <= checked


def test_airflow_is_not_prepared_with_an_empty_secret(initialise: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in initialise.REQUIRED:
        monkeypatch.setenv(name, "x")
    initialise.check_secrets()
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", " ")
    monkeypatch.delenv("AIRFLOW_PASSWORD")
    with pytest.raises(
        SystemExit, match=r"AIRFLOW_FERNET_KEY, AIRFLOW_PASSWORD are missing. Run python3 scripts/generate_env"
    ):
        initialise.check_secrets()
    monkeypatch.setenv("AIRFLOW_PASSWORD", "x")
    with pytest.raises(SystemExit, match="AIRFLOW_FERNET_KEY is missing"):
        initialise.check_secrets()


def environment(service: str) -> set[str]:
    found: Any = yaml.safe_load(FILES[0].read_text(encoding="utf-8"))["services"][service]
    return set(re.findall(r"\$\{(\w+)", str(found.get("environment", "")))) | set(found.get("env_file", "").split())


def test_the_dag_processor_has_the_secrets_that_the_documentation_lists_and_no_others() -> None:
    secret = {"PUSHGATEWAY_URL", "OPENLINEAGE_URL", "OPENLINEAGE_API_KEY", "AWS_ACCESS_KEY_ID", "sources.env", *MOVING}
    held = environment("airflow-dag-processor") & secret
    documented = (PROJECT_ROOT / "docs/SECURITY.md").read_text(encoding="utf-8")
    (paragraph,) = (each for each in documented.split("\n\n") if "The DAG processor has" in each)

    assert held == set(re.findall(r"`([A-Z_]{8,})`", paragraph.partition("The DAG processor has")[2]))
    assert environment("airflow-scheduler") & secret > held
