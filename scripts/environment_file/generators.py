"""Random values for `.env`, by the names that the registry of settings uses. Python 3.8, standard library only."""

from __future__ import annotations

import base64
import secrets

MADE_KEY_PREFIX = "LK"
"""Amazon's own key ids begin with AKIA or ASIA."""


def password() -> str:
    """32 characters that need no quoting in shells, URLs and YAML."""
    return secrets.token_hex(16)


def long_key() -> str:
    """128 hexadecimal characters, for signing."""
    return secrets.token_hex(64)


def fernet_key() -> str:
    """The form that Airflow requires for encrypting connections."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def access_key() -> str:
    """An S3 access key id in Amazon's form."""
    return MADE_KEY_PREFIX + base64.b32encode(secrets.token_bytes(12)).decode().rstrip("=")[:18]


def client_id() -> str:
    """A client id that reveals nothing."""
    return f"client-{secrets.token_hex(4)}"


def project_name() -> str:
    """A name that two checkouts on one machine do not share, nor their containers and volumes."""
    return f"retail-{secrets.token_hex(2)}"


GENERATORS = {
    "password": password,
    "long_key": long_key,
    "fernet_key": fernet_key,
    "access_key": access_key,
    "client_id": client_id,
    "project_name": project_name,
}
