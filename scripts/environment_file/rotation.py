"""A new value for a secret, and the steps after which everything uses it."""

from __future__ import annotations

from pathlib import Path

from scripts.environment_file.secret_files import write_secret
from scripts.environment_file.settings import SECRETS
from scripts.environment_file.text import AWS_KEYS, is_aws, new_value, value_of, with_value
from shared.regular_files import read_text

START = "docker-compose up -d"
SET_IN_DATABASE = (
    'docker-compose exec {service} sh -c \'psql -U "$POSTGRES_USER" -d postgres -c'
    ' "ALTER ROLE CURRENT_USER PASSWORD \\$\\$${{POSTGRES_PASSWORD:-$(cat $POSTGRES_PASSWORD_FILE)}}\\$\\$"\''
)
"""The database keeps the password that it was created with; its container's environment has the new one."""

_ROLE = "warehouse-init, which this starts, sets it for the role"
_LOGIN = "airflow-init, which this starts, sets it for the user"
_BOTH_SIDES = "for the simulated retailer and for the pipeline; for a real retailer, set the value they gave you"
AFTERWARDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "POSTGRES_PASSWORD",
            "POSTGRES_OWNER_PASSWORD",
            "POSTGRES_READER_PASSWORD",
            "POSTGRES_SUPERUSER_PASSWORD",
            "AIRFLOW_DB_PASSWORD",
        ),
        (f"{START}   # {_ROLE}",),
    ),
    "POSTGRES_SUPERUSER_PASSWORD": (START, SET_IN_DATABASE.format(service="postgres")),
    **dict.fromkeys(AWS_KEYS, (f"{START}   # starts the bundled store and what uses it with the new key",)),
    **dict.fromkeys(
        ("RETAILER1_API_KEY", "RETAILER2_CLIENT_SECRET", "RETAILER3_HMAC_SECRET"), (f"{START}   # {_BOTH_SIDES}",)
    ),
    **{
        f"RETAILER{n}_DB_PASSWORD": (
            f"docker-compose up -d retailer{n}-db",
            SET_IN_DATABASE.format(service=f"retailer{n}-db"),
            START,
        )
        for n in (1, 2, 3)
    },
    "RETAILER_ADMIN_TOKEN": (START,),
    **dict.fromkeys(
        ("AIRFLOW_PASSWORD", "AIRFLOW_OPERATOR_PASSWORD", "AIRFLOW_ANALYST_PASSWORD"), (f"{START}   # {_LOGIN}",)
    ),
    "AIRFLOW_FERNET_KEY": (
        f"{START}   # reads with the old key, after the comma, and writes with the new one",
        "docker-compose exec airflow-scheduler airflow rotate-fernet-key",
        "take the comma and the old key out of .env, then once more: " + START,
    ),
    "AIRFLOW_SECRET_KEY": (f"{START}   # all users have to log in again",),
    "AIRFLOW_JWT_SECRET": (f"{START}   # while no run is active: its tasks have tokens signed with the old one",),
    "REDIS_PASSWORD": (f"{START}   # while no run is active: queued tasks are sent again",),
    "GRAFANA_PASSWORD": (
        START,
        "docker-compose exec grafana sh -c 'grafana cli admin reset-admin-password \"$GF_SECURITY_ADMIN_PASSWORD\"'",
    ),
}


class CannotRotateError(Exception):
    """The message says why, and what to do instead."""


def rotated(text: str, names: list[str], root: Path) -> str:
    """The text with new values for these secrets; a secret in a file is replaced there, relative to `root`."""
    for name in names:
        if name not in SECRETS:
            raise CannotRotateError(f"{name}: unknown secret. Secrets: {', '.join(SECRETS)}")
        if name in AWS_KEYS and is_aws(text):
            raise CannotRotateError(f"{name}: Amazon creates it (aws iam create-access-key). Set it in .env yourself.")
        if not value_of(text, name) and not value_of(text, f"{name}_FILE"):
            raise CannotRotateError(f"{name} is not set. Run: python3 scripts/generate_env.py")
    for name in names:
        text = _with_new_value(text, name, root)
    return text


def _with_new_value(text: str, name: str, root: Path) -> str:
    value, before = new_value(name), value_of(text, name)
    kept_in = None if before else root / (value_of(text, f"{name}_FILE") or "")
    if name == "AIRFLOW_FERNET_KEY":  # Airflow decrypts with any of them, and encrypts with the first
        value = f"{value},{read_text(kept_in).strip() if kept_in else before}"
    if kept_in is None:
        return with_value(text, name, value)
    write_secret(kept_in, value)
    return text


def what_to_do(text: str, name: str) -> str:
    """The steps after the rotation, a line each. A container keeps the secret file that it was started with."""
    steps, file = "\n".join(f"    {step}" for step in AFTERWARDS[name]), value_of(text, f"{name}_FILE")
    if file:
        steps = steps.replace(START, f"{START} --force-recreate").replace("out of .env", f"out of {file}")
        steps = steps.replace("airflow-scheduler airflow", "airflow-scheduler sh /export-secrets airflow")
    return f"{name}:\n{steps}"
