"""Airflow without Docker: its settings, its metadata database, its three processes."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib.metadata import version

from local_stack.credentials import write_private
from local_stack.environment import LOOPBACK, process_environment
from local_stack.errors import StackError
from local_stack.layout import Layout
from local_stack.postgres import PostgresServer, dsn
from local_stack.services import Service, available_cores, responds
from shared.settings_registry.registry import default_of


def airflow_settings(layout: Layout, ports: Mapping[str, int], credentials: Mapping[str, str]) -> dict[str, str]:
    """Airflow's configuration, as environment variables.

    The tuned values are measured (task start 0.3 s instead of 1.2 s); the rest keeps Airflow inside the checkout.
    """
    port = ports["airflow"]
    settings = {
        "CORE__DAGS_FOLDER": str(layout.root / "airflow" / "dags"),
        "CORE__PLUGINS_FOLDER": str(layout.root / "airflow" / "plugins"),
        "CORE__DAG_IGNORE_FILE_SYNTAX": "regexp",  # with globs every task log has a warning of Airflow
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": str(max(4, 2 * available_cores())),
        "CORE__FERNET_KEY": credentials["airflow_fernet_key"],
        "CORE__EXECUTION_API_SERVER_URL": f"http://{LOOPBACK}:{port}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(layout.airflow_home / "passwords.json"),
        "DATABASE__SQL_ALCHEMY_CONN": dsn("airflow", credentials["airflow"], ports["postgres"], "airflow").replace(
            "postgresql://", "postgresql+psycopg2://"
        ),
        "API__HOST": LOOPBACK,
        "API__PORT": str(port),
        "API__BASE_URL": f"http://{LOOPBACK}:{port}",
        "API__WORKERS": "1",
        "API__SECRET_KEY": credentials["airflow_secret_key"],
        "API_AUTH__JWT_SECRET": credentials["airflow_jwt_secret"],
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",  # after a crash; Airflow's own 300 s are for many schedulers
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
        "LOGGING__BASE_LOG_FOLDER": str(layout.airflow_home / "logs"),
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    return {"AIRFLOW_HOME": str(layout.airflow_home)} | {f"AIRFLOW__{key}": value for key, value in settings.items()}


def airflow_environment(
    layout: Layout, ports: Mapping[str, int], credentials: Mapping[str, str], pipeline: Mapping[str, str]
) -> dict[str, str]:
    """The environment of Airflow's processes, and so of every task."""
    user = pipeline["AIRFLOW_USERNAME"]
    lost_after = pipeline.get("AIRFLOW_LOST_TASK_SECONDS") or default_of("AIRFLOW_LOST_TASK_SECONDS")
    own = {
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{user}:admin",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": lost_after,
    }
    return process_environment(layout.root, {**pipeline, **airflow_settings(layout, ports, credentials), **own})


def prepare_airflow(layout: Layout, server: PostgresServer, environment: Mapping[str, str], user: str) -> bool:
    """Write the password file and bring the metadata database up to date; True when that took a migration."""
    password = {user: environment["AIRFLOW_PASSWORD"]}
    write_private(layout.airflow_home / "passwords.json", json.dumps(password))
    system = server.execute("select system_identifier from pg_control_system()")[0][0]
    stamp_file = layout.airflow_home / "migrated"
    stamp = f"Airflow {version('apache-airflow-core')} on PostgreSQL system {system}\n"
    if stamp_file.exists() and stamp_file.read_text(encoding="utf-8") == stamp:
        return False
    with layout.log("airflow-migrate").open("ab") as log:
        command = [sys.executable, "-m", "airflow", "db", "migrate"]
        done = subprocess.run(command, env=dict(environment), cwd=layout.root, stdout=log, stderr=log, check=False)
    if done.returncode != 0:
        raise StackError(f"Airflow's database could not be migrated. See {layout.log('airflow-migrate')}")
    stamp_file.write_text(stamp, encoding="utf-8")
    return True


def pipeline_start(layout: Layout, started_by: str, now: datetime) -> str:
    """When scheduled runs of the pipeline begin, ISO 8601.

    They begin with the first 02:00 after the first `make up`. A run that was missed while the platform was off is then
    started at the next start, but nothing older. A demo has no scheduled runs; it triggers its own.
    """
    if started_by == "demo":
        return now.isoformat(timespec="seconds")
    remembered = layout.pipeline_start_file
    if not remembered.exists():
        # The interval that ends at the next 02:00 began at the previous one, up to a day ago.
        remembered.write_text((now - timedelta(days=1)).isoformat(timespec="seconds"), encoding="utf-8")
    return remembered.read_text(encoding="utf-8").strip()


def forget_next_run(server: PostgresServer) -> None:
    """Make Airflow calculate again when its DAGs are due, after it has parsed them.

    Otherwise it would start runs that were due at the last start, before it knows that this start is for a demo.
    """
    known = server.execute("select to_regclass('public.dag') is not null", "airflow")
    if known[0][0]:
        server.execute("update dag set next_dagrun = null, next_dagrun_create_after = null", "airflow")


def airflow_services(environment: Mapping[str, str], url: str) -> list[Service]:
    """API server, scheduler and DAG processor; deadlines here are synchronous, so no triggerer is needed."""
    python = (sys.executable, "-m", "airflow")
    health = f"{url}/api/v2/monitor/health"
    return [
        Service(
            "airflow-api-server",
            (*python, "api-server"),
            environment,
            # The part that tasks talk to is built with its first request, which takes seconds.
            lambda: responds(health) and responds(f"{url}/execution/health"),
        ),
        Service(
            "airflow-scheduler",
            (*python, "scheduler", "--skip-serve-logs"),  # the API server reads the same files
            environment,
            lambda: component_is_healthy(health, "scheduler"),
        ),
        Service(
            "airflow-dag-processor",
            (*python, "dag-processor"),
            environment,
            lambda: component_is_healthy(health, "dag_processor"),
        ),
    ]


def component_is_healthy(health_url: str, component: str) -> bool:
    """Whether Airflow reports that this component is alive."""
    try:
        with urllib.request.urlopen(health_url, timeout=2) as response:
            return bool(json.load(response)[component]["status"] == "healthy")
    except (OSError, urllib.error.URLError, KeyError, ValueError, TypeError):
        return False
