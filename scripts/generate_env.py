#!/usr/bin/env python3
"""Write `.env`: every setting of the platform, with strong random secrets.

    python3 scripts/generate_env.py                  write .env, or add what is missing to the one that is there
    python3 scripts/generate_env.py --print-missing  name what is missing, change nothing; exit status 1 if anything is
    python3 scripts/generate_env.py --rotate NAME    give a secret a new value

What is set already is never changed, except by --rotate. Needs Python 3.8 or newer and no package. Only the owner can
read the file (mode 0600), and no secret is printed.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

PROJECT_ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$")


class Setting(NamedTuple):
    """One line of the file: a fixed `value`, or a secret made by `make`."""

    name: str
    value: str = ""
    make: Callable[[], str] | None = None


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
    return "LK" + base64.b32encode(secrets.token_bytes(12)).decode().rstrip("=")[:18]


def client_id() -> str:
    """A client id that tells nothing."""
    return f"client-{secrets.token_hex(4)}"


SECTIONS = (
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
        ),
    ),
    Section(
        "S3: leave S3_ENDPOINT_URL empty and put your own keys for AWS itself",
        (
            Setting("S3_ENDPOINT_URL", "http://localhost:9000"),
            Setting("S3_PORT", "9000"),
            Setting("AWS_ACCESS_KEY_ID", make=access_key),
            Setting("AWS_SECRET_ACCESS_KEY", make=password),
            Setting("AWS_DEFAULT_REGION", "us-east-1"),
            Setting("S3_BUCKET_RAW", "retail-raw"),
            Setting("S3_BUCKET_PROCESSED", "retail-processed"),
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
            Setting("RETAILER2_CLIENT_ID", make=client_id),
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
            Setting("RETAILER3_CLIENT_ID", make=client_id),
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
            Setting("AIRFLOW_DB_PASSWORD", make=password),
            Setting("AIRFLOW_FERNET_KEY", make=fernet_key),
            Setting("AIRFLOW_SECRET_KEY", make=password),
            Setting("AIRFLOW_JWT_SECRET", make=long_key),
        ),
    ),
    Section(
        "Pipeline: what a day is, how many refused records are too many, how far back to look for late ones",
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
HEADER = (
    "# Settings of the retail analytics platform. Written by scripts/generate_env.py; keep it out of version control."
)


def names_in(text: str) -> set[str]:
    """Names that have a value in a `.env`; one may be given as NAME_FILE instead."""
    found = set()
    for line in text.splitlines():
        match = ASSIGNMENT.match(line)
        if match and (match.group(2).strip().strip("'\"") or match.group(1) == "S3_ENDPOINT_URL"):
            found.add(match.group(1))
    return found | {name[: -len("_FILE")] for name in found if name.endswith("_FILE")}


def missing_from(text: str) -> list[str]:
    """Known settings without a value."""
    present = names_in(text)
    return [name for name in KNOWN if name not in present]


def completed(text: str, *, example: bool = False) -> str:
    """The text with the missing settings added under their titles; an example has no secrets in it."""
    missing = set(missing_from(text))
    lines = [line for line in text.rstrip("\n").splitlines() if not _is_empty_one_of(line, missing)] or [HEADER]
    for section in SECTIONS:
        wanted = [setting for setting in section.settings if setting.name in missing]
        if wanted:
            lines += ["", f"# {section.title}"]
            lines += [f"{setting.name}={_value(setting, example)}" for setting in wanted]
    return "\n".join(lines) + "\n"


def rotated(text: str, names: list[str]) -> str:
    """The text with new values for these secrets; KeyError names one that has no value to replace."""
    lines = text.splitlines()
    for name in names:
        places = [i for i, line in enumerate(lines) if (found := ASSIGNMENT.match(line)) and found.group(1) == name]
        if not places:
            raise KeyError(name)
        for place in places:
            lines[place] = f"{name}={_value(KNOWN[name], example=False)}"
    return "\n".join(lines) + "\n"


def _value(setting: Setting, example: bool) -> str:
    if setting.make:
        return "" if example else setting.make()
    return setting.value


def _is_empty_one_of(line: str, names: set[str]) -> bool:
    match = ASSIGNMENT.match(line)
    return bool(match and match.group(1) in names)


def write(path: Path, text: str) -> None:
    """Replace the file in one step; only its owner can read it."""
    unfinished = path.with_name(path.name + ".new")
    if unfinished.exists():
        unfinished.unlink()
    descriptor = os.open(str(unfinished), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.replace(path)


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; exit status 1 when something is missing, 2 for a mistake in its use."""
    options = _options(arguments)
    path: Path = options.output
    if options.example:
        print(completed("", example=True), end="")
        return 0
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = missing_from(text)
    if options.print_missing:
        print("\n".join(missing) if missing else f"{path}: nothing is missing")
        return 1 if missing else 0
    if options.rotate:
        return _rotate(path, text, options.rotate)
    if missing:
        text = completed(text)
    write(path, text)
    print(f"{path}: {len(missing)} settings added, {len(KNOWN) - len(missing)} kept; only you can read it")
    return 0


def _rotate(path: Path, text: str, names: list[str]) -> int:
    unknown = [name for name in names if name not in SECRETS]
    if unknown:
        print(f"{', '.join(unknown)}: no secret of that name. There are: {', '.join(SECRETS)}", file=sys.stderr)
        return 2
    try:
        write(path, rotated(text, names))
    except KeyError as error:
        print(f"{error.args[0]} is not set in {path}. Run: python3 scripts/generate_env.py", file=sys.stderr)
        return 2
    print(f"{path}: new value for {', '.join(names)}. Restart what uses it; other programs need the new value too.")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=PROJECT_ROOT / ".env", metavar="FILE", help="default: .env")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--print-missing", action="store_true", help="name what is missing, change nothing")
    choice.add_argument(
        "--rotate", action="append", metavar="NAME", help="a new value for this secret; may be repeated"
    )
    choice.add_argument("--example", action="store_true", help="print the file without secrets (.env.example)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"generate_env: {error.filename} cannot be written ({error.strerror})")
