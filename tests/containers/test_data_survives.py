"""Data outlives containers, releases and passwords; only `down -v` deletes it. The last tests: they take all down.

The stand-in of the S3 store forgets its objects when it stops, so they are not checked here; the real one has them on
the volume s3-data.
"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import psycopg2
import pytest

from shared.airflow_rest.client import DAG_ID, AirflowForbidden
from shared.migrations import migrate
from tests.containers.project import Project

MIGRATIONS = "SELECT migration_id FROM ops._yoyo_migration ORDER BY 1"


def runs(platform: Project) -> set[tuple[str, str]]:
    found = platform.airflow.call("GET", f"/api/v2/dags/{DAG_ID}/dagRuns?limit=100")["dag_runs"]
    return {(run["dag_run_id"], run["state"]) for run in found}


def test_everything_is_there_again_after_down_and_up(platform: Project) -> None:
    platform.configure({"COMPOSE_FILE": "docker-compose.yml"})
    digest, before = platform.running.digest(), runs(platform)
    platform.compose("down", "--remove-orphans", "-t", "20")
    assert platform.containers() == []
    platform.up()
    platform.remove_unused()  # of the overrides that other tests had switched on
    assert platform.running.digest() == digest
    assert before <= runs(platform)


def test_new_passwords_hold_after_the_next_up_and_the_old_ones_no_more(platform: Project) -> None:
    old_dsn, old_airflow = platform.dsn("retail_user", "POSTGRES_PASSWORD"), platform.airflow
    for name in ("POSTGRES_PASSWORD", "AIRFLOW_PASSWORD"):
        platform.script("generate_env.py", "--rotate", name)
    platform.up()
    psycopg2.connect(platform.dsn("retail_user", "POSTGRES_PASSWORD")).close()
    assert runs(platform)
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(old_dsn)
    with pytest.raises(AirflowForbidden, match="401"):
        old_airflow.call("GET", "/api/v2/dags")
    assert platform.running.run(date(2024, 7, 1)).state == "success"


def test_a_warehouse_of_an_older_release_is_migrated_by_the_next_up(platform: Project, tmp_path: Path) -> None:
    newest = platform.warehouse_as_superuser(MIGRATIONS)
    platform.compose("stop", "-t", "5", "airflow-scheduler")
    admin = psycopg2.connect(platform.dsn("postgres", "POSTGRES_SUPERUSER_PASSWORD", "postgres"))
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute("ALTER DATABASE retail_analytics RENAME TO newer")
        cursor.execute("CREATE DATABASE retail_analytics OWNER retail_owner")
        cursor.execute("GRANT CONNECT ON DATABASE retail_analytics TO retail_user, retail_reader")
    admin.close()
    platform.warehouse_as_superuser("ALTER SCHEMA public OWNER TO retail_owner")
    shutil.copy(next((platform.directory / "database" / "migrations").glob("0001_*.sql")), tmp_path)
    migrate(platform.dsn("retail_owner", "POSTGRES_OWNER_PASSWORD"), migrations=tmp_path)
    older = platform.warehouse_as_superuser(MIGRATIONS)
    assert 1 == len(older) < len(newest)
    platform.up()
    assert platform.warehouse_as_superuser(MIGRATIONS) == newest
    assert platform.running.run(date(2024, 7, 2)).state == "success"


def test_down_with_v_deletes_the_data(platform: Project) -> None:
    assert any(line.startswith("volume ") for line in platform.left())
    platform.compose("down", "-v", "-t", "5")
    assert [line for line in platform.left() if not line.startswith("image ")] == []
