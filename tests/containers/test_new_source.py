"""What users change while the platform runs: a new source, addresses and settings of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.containers.health import check_health
from tests.containers.project import Project
from tests.containers.stages import EVERYONE, OUTLET, define, loaded, stage

DAY = date(2024, 2, 9)
PUBLISHED = """
SELECT DISTINCT retailer_id FROM mv_daily_sales_summary JOIN dim_retailer USING (retailer_id) WHERE business_date = %s
"""
OF_USERS = {
    "S3_CONTAINER_ENDPOINT_URL": "https://store.example.com",
    "RETAILER1_API_URL": "https://api.example.com/v2",
    "RETAILER1_TIMEZONE": "America/Chicago",
    "INGEST_MAX_REJECT_SHARE": "0.11",
    "INGEST_MAX_REJECT_AMOUNT_SHARE": "0.12",
    "INGEST_LOOKBACK_DAYS": "5",
    "INGEST_CATCH_UP_DAYS": "7",
    "INGEST_REQUESTS_PER_SECOND": "11",
    "INGEST_MAX_ATTEMPTS": "4",
    "INGEST_BACKOFF_SECONDS": "0.7",
    "INGEST_TIMEOUT_SECONDS": "21",
    "INGEST_MAX_RESPONSE_MB": "48",
    "INGEST_MEMORY_MB": "128",
    "INGEST_LISTING_MINUTES": "61",
}


@contextmanager
def changed(platform: Project, **settings: str) -> Iterator[None]:
    """`.env` with other settings, for new containers; those that run keep theirs."""
    path = platform.directory / ".env"
    before = path.read_text(encoding="utf-8")
    try:
        platform.configure(settings)
        yield
    finally:
        path.write_text(before, encoding="utf-8")
        platform.script("generate_env.py")


@pytest.fixture(scope="module")
def outlet(platform: Project) -> Iterator[Path]:
    """A fourth definition on the running platform, without a new image or container."""
    define(platform, OUTLET)
    path = platform.directory / "sources" / f"{OUTLET}.yaml"
    yield path
    path.unlink()


@pytest.mark.usefixtures("outlet")
def test_a_definition_that_is_added_to_a_running_platform_is_loaded_without_a_build(platform: Project) -> None:
    images = platform.images()
    stage(platform, "ingestion", "ingestion.main", DAY.isoformat(), "--retailer", OUTLET)
    stage(platform, "transformation", "transformation.main", DAY.isoformat(), "--retailer", OUTLET)
    assert loaded(platform, DAY) == {OUTLET}
    assert platform.warehouse("SELECT count(*) FROM dim_retailer WHERE retailer_id = %s", OUTLET) == [(1,)]
    assert platform.images() == images


@pytest.mark.usefixtures("outlet")
def test_the_scheduler_sees_it_without_a_restart(platform: Project) -> None:
    shown = platform.compose("exec", "-T", "airflow-scheduler", "python", "-m", "cli", "sources", "list", "--json")
    found = {each["id"]: each["problem"] for each in json.loads(shown.stdout)["sources"]}
    assert found == dict.fromkeys([*EVERYONE, OUTLET])


@pytest.mark.usefixtures("outlet")
def test_the_health_check_has_a_line_for_it(platform: Project) -> None:
    assert check_health(platform).line("retailer APIs", OUTLET)["health"] == "ok"


def test_a_run_of_the_dag_publishes_it_and_the_next_one_is_without_it_once_it_is_disabled(
    platform: Project, outlet: Path
) -> None:
    day, next_day = DAY + timedelta(days=1), DAY + timedelta(days=2)
    assert_run_publishes(platform, day, {*EVERYONE, OUTLET})
    assert OUTLET in platform.running.page(f"/retail/days/{day}")
    assert gaps(platform, day, next_day)[OUTLET] == [str(next_day)]
    enabled = outlet.read_text(encoding="utf-8")
    try:
        outlet.write_text(f"{enabled}enabled: false\n", encoding="utf-8")
        assert_run_publishes(platform, next_day, EVERYONE)
        assert gaps(platform, day, next_day) == {}
    finally:
        outlet.write_text(enabled, encoding="utf-8")


def gaps(platform: Project, first: date, last: date) -> dict[str, list[str]]:
    """What `retail gaps` finds; its exit status is 1 when dates are missing."""
    period = ("--from", first.isoformat(), "--to", last.isoformat())
    shown = platform.compose("run", "--rm", "--no-deps", "-T", "retail", "gaps", *period, "--json", check=False)
    assert shown.returncode in (0, 1), shown.stderr
    found: dict[str, list[str]] = json.loads(shown.stdout)["gaps"]
    return found


def assert_run_publishes(platform: Project, day: date, sources: set[str]) -> None:
    """Run a date: exactly these sources have a task, and exactly their sales reach the warehouse and its views."""
    outcome = platform.running.wait(platform.trigger(day), 300)
    assert (outcome.state, outcome.said) == ("success", "")
    assert {name for name in outcome.tasks if "[" in name} == {f"ingest_retailers_to_s3[{name}]" for name in sources}
    assert loaded(platform, day) == {name for (name,) in platform.warehouse(PUBLISHED, day)} == sources


def effective(platform: Project, service: str, *command: str) -> dict[str, Any]:
    shown = platform.compose("run", "--rm", "--no-deps", "-T", service, *command, "config", "check", "--json")
    settings: dict[str, Any] = json.loads(shown.stdout)["settings"]
    return settings


def test_every_setting_of_users_reaches_the_processes(platform: Project) -> None:
    with changed(platform, **OF_USERS):
        found = effective(platform, "retail")
    assert found["S3_ENDPOINT_URL"]["value"] == OF_USERS["S3_CONTAINER_ENDPOINT_URL"]
    rest = {name: value for name, value in OF_USERS.items() if name != "S3_CONTAINER_ENDPOINT_URL"}
    assert {name: found[name]["value"] for name in rest} == rest


def test_without_them_the_containers_use_the_bundled_store_and_the_simulated_retailers(platform: Project) -> None:
    found = effective(platform, "retail")
    assert found["S3_ENDPOINT_URL"]["value"] == "http://s3:8333"
    assert found["RETAILER3_API_URL"]["value"] == "http://retailer3-api:5003"


def test_a_value_with_quotes_and_dollars_is_the_same_in_the_process(platform: Project) -> None:
    program = "import os; print(os.environ['OUTLET_NOTE'])"
    values = ('a $b # "c" \\d', "it's here")
    define(platform, "noted_shop", RETAILER1_API_URL="OUTLET_NOTE")
    try:
        for value in values:
            with changed(platform, OUTLET_NOTE=value):
                shown = platform.compose("run", "--rm", "--no-deps", "-T", "ingestion", "python", "-c", program)
            assert shown.stdout.strip() == value
    finally:
        (platform.directory / "sources" / "noted_shop.yaml").unlink()
