"""The passwords of the local platform: random, generated once, in a file that only its owner can read."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path


def _word() -> str:
    return secrets.token_hex(16)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _long_word() -> str:
    return secrets.token_hex(64)


MAKERS: Mapping[str, Callable[[], str]] = {
    "postgres": _word,
    "retail_owner": _word,
    "retail_user": _word,
    "retail_reader": _word,
    "airflow": _word,
    "retailer1": _word,
    "retailer2": _word,
    "retailer3": _word,
    "aws_access_key_id": _word,
    "aws_secret_access_key": _word,
    "retailer1_api_key": _word,
    "retailer2_client_id": lambda: f"client-{secrets.token_hex(4)}",
    "retailer2_client_secret": _word,
    "retailer3_client_id": lambda: f"client-{secrets.token_hex(4)}",
    "retailer3_hmac_secret": _word,
    "retailer_admin_token": _word,
    "airflow_password": lambda: secrets.token_urlsafe(12),
    "airflow_fernet_key": _fernet_key,
    "airflow_secret_key": _word,
    "airflow_jwt_secret": _long_word,
}


def load_or_create(path: Path) -> dict[str, str]:
    """The passwords in the file; missing ones are generated and added."""
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    complete = {name: known.get(name) or make() for name, make in MAKERS.items()}
    if complete != known:
        write_private(path, json.dumps(complete, indent=2) + "\n")
    return complete


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step by one that only its owner can read."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.replace(path)
