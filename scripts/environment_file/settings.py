"""Every setting that `.env` holds, its value or how it is made. Python 3.8, standard library only."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import NamedTuple

MADE_KEY_PREFIX = "LK"
"""Amazon's own key ids begin with AKIA or ASIA."""


class Setting(NamedTuple):
    """One line of the file: a fixed `value`, a secret made by `make`, or another name at random by `choose`."""

    name: str
    value: str = ""
    make: Callable[[], str] | None = None
    choose: Callable[[], str] | None = None
    may_be_empty: bool = False


class Section(NamedTuple):
    """Settings that belong together."""

    title: str
    settings: tuple[Setting, ...]


def password() -> str:
    """32 characters that need no quoting in shells, URLs and YAML."""
    return secrets.token_hex(16)


def long_key() -> str:
    """128 hexadecimal characters, for signing."""
    return secrets.token_hex(64)


def fernet_key() -> str:
    """The form Airflow wants for encrypting connections."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def access_key() -> str:
    """An S3 access key id in Amazon's form."""
    return MADE_KEY_PREFIX + base64.b32encode(secrets.token_bytes(12)).decode().rstrip("=")[:18]


def client_id() -> str:
    """A client id that tells nothing."""
    return f"client-{secrets.token_hex(4)}"


def project_name() -> str:
    """A name that two checkouts on one machine do not share, nor their containers and volumes."""
    return f"retail-{secrets.token_hex(2)}"


SECTIONS = (
    Section(
        "Containers: which files docker-compose reads, and the address on which it publishes ports",
        (
            Setting("COMPOSE_PROJECT_NAME", "retail", choose=project_name),
            Setting("COMPOSE_FILE", "docker-compose.yml"),
            Setting("BIND_ADDRESS", "127.0.0.1"),
        ),
    ),
    Section(
        "Warehouse: retail_owner changes the schema, retail_user loads, retail_reader reads",
        (
            Setting("POSTGRES_HOST", "localhost"),
            Setting("POSTGRES_PORT", "5432"),
            Setting("POSTGRES_DB", "retail_analytics"),
            Setting("POSTGRES_USER", "retail_user"),
            Setting("POSTGRES_PASSWORD", make=password),
            Setting("POSTGRES_OWNER_PASSWORD", make=password),
            Setting("POSTGRES_READER_PASSWORD", make=password),
            Setting("POSTGRES_SUPERUSER_PASSWORD", make=password),
            Setting("POSTGRES_SSLMODE", "prefer"),
            Setting("POSTGRES_SSLROOTCERT", may_be_empty=True),
            Setting("POSTGRES_TLS_NAMES", may_be_empty=True),
        ),
    ),
    Section(
        "S3: leave S3_ENDPOINT_URL empty and put your own keys for AWS itself",
        (
            Setting("S3_ENDPOINT_URL", "http://localhost:9000", may_be_empty=True),
            Setting("S3_PORT", "9000"),
            Setting("AWS_ACCESS_KEY_ID", make=access_key),
            Setting("AWS_SECRET_ACCESS_KEY", make=password),
            Setting("AWS_DEFAULT_REGION", "us-east-1"),
            Setting("S3_BUCKET_RAW", "retail-raw"),
            Setting("S3_BUCKET_PROCESSED", "retail-processed"),
            Setting("S3_SSE", may_be_empty=True),
            Setting("S3_SSE_KMS_KEY_ID", may_be_empty=True),
        ),
    ),
    Section(
        "Retailer 1: API key",
        (
            Setting("RETAILER1_API_URL", "http://localhost:5001"),
            Setting("RETAILER1_PORT", "5001"),
            Setting("RETAILER1_API_KEY", make=password),
            Setting("RETAILER1_DB_PORT", "5433"),
            Setting("RETAILER1_DB_PASSWORD", make=password),
        ),
    ),
    Section(
        "Retailer 2: OAuth2 client credentials",
        (
            Setting("RETAILER2_API_URL", "http://localhost:5002"),
            Setting("RETAILER2_PORT", "5002"),
            Setting("RETAILER2_CLIENT_ID", choose=client_id),
            Setting("RETAILER2_CLIENT_SECRET", make=password),
            Setting("RETAILER2_DB_PORT", "5434"),
            Setting("RETAILER2_DB_PASSWORD", make=password),
        ),
    ),
    Section(
        "Retailer 3: signed requests",
        (
            Setting("RETAILER3_API_URL", "http://localhost:5003"),
            Setting("RETAILER3_PORT", "5003"),
            Setting("RETAILER3_CLIENT_ID", choose=client_id),
            Setting("RETAILER3_HMAC_SECRET", make=password),
            Setting("RETAILER3_DB_PORT", "5435"),
            Setting("RETAILER3_DB_PASSWORD", make=password),
        ),
    ),
    Section(
        "The retailers' sandbox: lets tests switch faults on",
        (Setting("RETAILER_ADMIN_TOKEN", make=password),),
    ),
    Section(
        "Airflow",
        (
            Setting("AIRFLOW_URL", "http://localhost:8080"),
            Setting("AIRFLOW_PORT", "8080"),
            Setting("AIRFLOW_USERNAME", "admin"),
            Setting("AIRFLOW_PASSWORD", make=password),
            Setting("AIRFLOW_OPERATOR_USERNAME", "operator"),
            Setting("AIRFLOW_OPERATOR_PASSWORD", make=password),
            Setting("AIRFLOW_ANALYST_USERNAME", "analyst"),
            Setting("AIRFLOW_ANALYST_PASSWORD", make=password),
            Setting("AIRFLOW_PARALLELISM", "8"),
            Setting("AIRFLOW_LOST_TASK_SECONDS", "300"),
            Setting("AIRFLOW_DB_PASSWORD", make=password),
            Setting("AIRFLOW_FERNET_KEY", make=fernet_key),
            Setting("AIRFLOW_SECRET_KEY", make=password),
            Setting("AIRFLOW_JWT_SECRET", make=long_key),
        ),
    ),
    Section(
        "More than one worker (docker/compose/celery.yml)",
        (Setting("REDIS_PASSWORD", make=password),),
    ),
    Section(
        "Monitoring (docker/compose/monitoring.yml)",
        (
            Setting("GRAFANA_PORT", "3000"),
            Setting("GRAFANA_PASSWORD", make=password),
            Setting("PROMETHEUS_PORT", "9090"),
            Setting("PUSHGATEWAY_PORT", "9091"),
            Setting("ALERTMANAGER_PORT", "9093"),
        ),
    ),
    Section(
        "Alerts: whom to tell (docs/ALERTS.md), and after how many hours a run is late",
        (
            Setting("ALERT_CHANNELS", may_be_empty=True),
            Setting("ALERT_DEADLINE_HOURS", "4"),
        ),
    ),
    Section(
        "Pipeline: what a day is, how many rejected records are too many, how far back to look for late ones",
        (
            Setting("BUSINESS_TIMEZONE", "UTC"),
            Setting("INGEST_MAX_REJECT_SHARE", "0.05"),
            Setting("INGEST_LOOKBACK_DAYS", "3"),
            Setting("INGEST_CATCH_UP_DAYS", "31"),
            Setting("LOG_FORMAT", "console"),
            Setting("LOG_LEVEL", "INFO"),
        ),
    ),
)
KNOWN = {setting.name: setting for section in SECTIONS for setting in section.settings}
SECRETS = [name for name, setting in KNOWN.items() if setting.make]
MAY_BE_EMPTY = {name for name, setting in KNOWN.items() if setting.may_be_empty}
