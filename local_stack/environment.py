"""The environment of the local platform's processes and of a shell that uses it (`.local/env`)."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from local_stack.credentials import write_private
from local_stack.databases import WAREHOUSE
from local_stack.layout import Layout
from local_stack.postgres import dsn
from local_stack.unprivileged import plain_environment
from shared.config import SOURCES, known_names
from shared.settings_registry.registry import default_of
from shared.sources.variables import variables_in

LOOPBACK = "127.0.0.1"
RETAILERS = (1, 2, 3)
# Passed on besides the pipeline's settings. A value of the local platform itself takes precedence.
PASSED_ON = (
    "AIRFLOW_LOST_TASK_SECONDS",
    "LOG_FORMAT",
    "PUSHGATEWAY_URL",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "https_proxy",
    "http_proxy",
)
PASSED_ON_PREFIXES = ("INGEST_", "RETAIL_", "ALERT_", "OPENLINEAGE_")
DIRECTORIES = ("SOURCES_DIRECTORY", "SECRETS_DIRECTORY")


def pipeline_environment(
    ports: Mapping[str, int], credentials: Mapping[str, str], environ: Mapping[str, str]
) -> dict[str, str]:
    """Everything that the stages and commands read; `environ` has the user's settings.

    Of those it passes on what the pipeline reads, and every variable that a definition of a source refers to.
    """
    warehouse = {
        name: dsn(role, credentials[role], ports["postgres"], WAREHOUSE)
        for name, role in (
            ("WAREHOUSE_DSN", "retail_user"),
            ("WAREHOUSE_OWNER_DSN", "retail_owner"),
            ("WAREHOUSE_READER_DSN", "retail_reader"),
        )
    }
    storage = {
        "S3_ENDPOINT_URL": f"http://{LOOPBACK}:{ports['s3']}",
        "AWS_ACCESS_KEY_ID": credentials["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": credentials["aws_secret_access_key"],
        "AWS_DEFAULT_REGION": _chosen(environ, "AWS_DEFAULT_REGION"),
        "S3_BUCKET_RAW": _chosen(environ, "S3_BUCKET_RAW"),
        "S3_BUCKET_PROCESSED": _chosen(environ, "S3_BUCKET_PROCESSED"),
    }
    airflow = {
        "AIRFLOW_URL": f"http://{LOOPBACK}:{ports['airflow']}",
        "AIRFLOW_USERNAME": _chosen(environ, "AIRFLOW_USERNAME"),
        "AIRFLOW_PASSWORD": environ.get("AIRFLOW_PASSWORD") or credentials["airflow_password"],
    }
    of_sources = variables_in(Path(environ.get("SOURCES_DIRECTORY") or SOURCES))
    chosen = {name: value for name, value in environ.items() if value and (is_passed_on(name) or name in of_sources)}
    directories = {name: str(Path(chosen[name]).absolute()) for name in DIRECTORIES if name in chosen}
    direct = no_proxy_for_us(environ)
    return {
        "BUSINESS_TIMEZONE": default_of("BUSINESS_TIMEZONE"),
        **chosen,
        **directories,
        **direct,
        **warehouse,
        **storage,
        **_retailers(ports, credentials),
        **airflow,
    }


def _retailers(ports: Mapping[str, int], credentials: Mapping[str, str]) -> dict[str, str]:
    """What the definitions of the simulated retailers refer to."""
    return {
        **{f"RETAILER{n}_API_URL": f"http://{LOOPBACK}:{ports[f'retailer{n}']}" for n in RETAILERS},
        "RETAILER1_API_KEY": credentials["retailer1_api_key"],
        "RETAILER2_CLIENT_ID": credentials["retailer2_client_id"],
        "RETAILER2_CLIENT_SECRET": credentials["retailer2_client_secret"],
        "RETAILER3_CLIENT_ID": credentials["retailer3_client_id"],
        "RETAILER3_HMAC_SECRET": credentials["retailer3_hmac_secret"],
        "RETAILER_ADMIN_TOKEN": credentials["retailer_admin_token"],
    }


def _chosen(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or default_of(name)


def no_proxy_for_us(environ: Mapping[str, str]) -> dict[str, str]:
    """Settings that exclude the platform's own addresses from a company's proxy; empty without a proxy."""
    if not any(name.lower() in ("http_proxy", "all_proxy") and value for name, value in environ.items()):
        return {}
    exempt = ",".join(filter(None, [environ.get("no_proxy") or environ.get("NO_PROXY"), LOOPBACK, "localhost"]))
    return {"no_proxy": exempt, "NO_PROXY": exempt}


def is_passed_on(name: str) -> bool:
    """Whether the stages receive this setting from the user's environment or .env."""
    return name in known_names() - {"POSTGRES_PASSWORD"} or name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES)


def process_environment(root: Path, own: Mapping[str, str]) -> dict[str, str]:
    """The environment of a Python process: few variables of the shell, and the project on the import path."""
    home = {"HOME": os.environ["HOME"]} if "HOME" in os.environ else {}
    return {**plain_environment(), **home, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1", **own}


def write_env_file(layout: Layout, values: Mapping[str, str]) -> None:
    """Write `.local/env`: `source .local/env` sets a shell up for every command."""
    lines = ["# Written by `make up` and `make demo`. Use it with: source .local/env"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in sorted(values.items())]
    write_private(layout.env_file, "\n".join(lines) + "\n")
