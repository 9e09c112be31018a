"""Secrets from files: `scripts/generate_env.py --secret-files` and docker/compose/secrets.yml."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from shared.airflow_rest.client import DAG_ID
from shared.config import PROJECT_ROOT, read_environment
from tests.containers.conftest import MakeProject
from tests.containers.project import Project, service_of
from tests.containers.stages import EVERYONE, OUTLET, define
from tests.end_to_end.running_platform import RunningPlatform

OF_SOURCES = "/run/source-secrets"


@pytest.fixture(scope="module")
def hidden(make_project: MakeProject) -> Iterator[Project]:
    """A platform whose secrets are in files, up."""
    with make_project() as project:
        project.configure({"ALERT_CHANNELS": "json://me:a-password-of-mine@retailer1-api:5001/nothing-here"})
        define(project, OUTLET, RETAILER1_API_KEY="OUTLET_TOKEN")
        project.configure({"OUTLET_TOKEN": project.environment["RETAILER1_API_KEY"]})
        project.script("generate_env.py", "--secret-files")
        project.compose("build", timeout=1200)
        project.up(seconds=600)
        yield project


@pytest.fixture(scope="module")
def secrets(hidden: Project) -> dict[str, str]:
    """The secrets in files, by name."""
    files = [path for path in (hidden.directory / ".secrets").rglob("*") if path.is_file()]
    return {path.name: path.read_text(encoding="utf-8") for path in files}


def test_no_container_shows_a_secret_that_is_in_a_file(hidden: Project, secrets: dict[str, str]) -> None:
    assert len(secrets) >= 20
    shown = {service_of(each): json.dumps(each) for each in hidden.containers()}
    assert {"postgres", "airflow-scheduler", "retailer1-api", "s3"} <= set(shown)
    assert [
        (service, name) for service, text in shown.items() for name, value in secrets.items() if value in text
    ] == []


def test_a_container_has_the_files_that_it_needs_and_no_other(hidden: Project) -> None:
    def files(service: str, directory: str = "/run/secrets") -> set[str]:
        return set(hidden.docker("exec", hidden.container(service), "ls", directory, check=False).split())

    assert files("postgres") == {"POSTGRES_SUPERUSER_PASSWORD"}
    assert files("retailer1-api") == {"RETAILER1_API_KEY", "RETAILER1_DB_PASSWORD", "RETAILER_ADMIN_TOKEN"}
    assert not files("airflow-webserver") & {"POSTGRES_PASSWORD", "AWS_SECRET_ACCESS_KEY", "RETAILER1_API_KEY"}
    services = {service_of(each): each for each in hidden.containers()}
    assert {name for name in services if services[name]["State"]["Running"] and files(name, OF_SOURCES)} == {
        "airflow-scheduler"
    }
    of_sources = {"OUTLET_TOKEN", "RETAILER1_API_KEY", "RETAILER2_CLIENT_SECRET", "RETAILER3_HMAC_SECRET"}
    assert files("airflow-scheduler", OF_SOURCES) == of_sources
    assert files("airflow-scheduler") & of_sources == set()


def test_the_pipeline_runs_as_before(hidden: Project) -> None:
    settings = read_environment({}, hidden.directory / ".env")
    reader = hidden.dsn("retail_reader", "POSTGRES_READER_PASSWORD")
    running = RunningPlatform({**settings, "WAREHOUSE_READER_DSN": reader})
    assert running.airflow.call("GET", "/api/v2/importErrors")["import_errors"] == []
    trigger = {"logical_date": None, "conf": {"date": "2024-03-05"}}
    run_id = running.airflow.call("POST", f"/api/v2/dags/{DAG_ID}/dagRuns", trigger)["dag_run_id"]
    outcome = running.wait(str(run_id), seconds=600)

    assert (outcome.state, set(outcome.tasks.values())) == ("success", {"success"})


def test_a_stage_finds_its_secrets(hidden: Project) -> None:
    done = hidden.compose("run", "--rm", "-T", "ingestion", "python", "-m", "ingestion.main", "2024-01-15", "--json")
    assert all(name in done.stdout for name in (*EVERYONE, OUTLET))


def test_the_channels_of_alerts_are_found_and_not_shown(hidden: Project) -> None:
    rejected = hidden.compose("run", "--rm", "-T", "retail", "alerts", "test", check=False)

    assert rejected.returncode == 1
    assert "channel 1 (json)" in rejected.stdout + rejected.stderr
    assert "a-password-of-mine" not in rejected.stdout + rejected.stderr


def test_a_rotated_secret_in_a_file_holds_after_the_command_that_was_named(hidden: Project) -> None:
    said = hidden.script("generate_env.py", "--rotate", "RETAILER2_CLIENT_SECRET").stdout
    assert "docker-compose up -d --force-recreate" in said

    hidden.compose("up", "-d", "--force-recreate", "--no-deps", "retailer2-api")
    hidden.wait_until_healthy()

    landed = ("python", "-m", "ingestion.main", "2024-01-16", "--retailer", "retailer_2")
    hidden.compose("run", "--rm", "--no-deps", "-T", "ingestion", *landed)


def test_an_airflow_command_finds_its_secrets_by_the_same_way(hidden: Project) -> None:
    hidden.compose("exec", "-T", "airflow-scheduler", "sh", "/export-secrets", "airflow", "rotate-fernet-key")


def test_an_example_that_was_only_copied_is_rejected(hidden: Project) -> None:
    example = (PROJECT_ROOT / ".env.example").read_text(encoding="utf-8")
    (hidden.directory / ".env.copied").write_text(example, encoding="utf-8")

    rejected = hidden.compose("--env-file", ".env.copied", "config", "-q", check=False)

    assert rejected.returncode != 0
    assert "is missing. Run python3 scripts/generate_env.py" in rejected.stderr
