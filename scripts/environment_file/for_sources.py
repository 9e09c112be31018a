"""`sources.env`: the part of `.env` that the containers which read sources load. Python 3.8, standard library only."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from scripts.environment_file.secret_files import file_of, is_mounted
from scripts.environment_file.settings import KNOWN
from scripts.environment_file.text import ASSIGNMENT, value_of
from shared.sources.variables import Variable, variables_in

FILE_NAME = "sources.env"
HEADER = """\
# Generated from .env and sources/ by scripts/generate_env.py. Do not edit it: change .env, then run the script again.
# The containers that read sources load this file. Addresses of the simulated retailers are those in their network."""
PREFIX = "INGEST_"
_SIMULATED = re.compile(r"RETAILER([123])_API_URL")
_LOCAL_URL = re.compile(r"^(https?)://(?:localhost|127\.0\.0\.1|\[::1\])(?::(\d+))?(?=/|$)", re.IGNORECASE)
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")


class CannotWriteError(Exception):
    """A value that docker-compose cannot read from a file. The message says what to do instead."""


def directory_of(text: str, root: Path, checkout: Path) -> Path:
    """Where the definitions are: SOURCES_DIRECTORY, relative to `.env` in `root`, or the checkout's own."""
    chosen = value_of(text, "SOURCES_DIRECTORY")
    return root / chosen if chosen else checkout / "sources"


def definitions(text: str, root: Path, checkout: Path) -> dict[str, Variable]:
    """The variables that the definitions refer to, by name."""
    return variables_in(directory_of(text, root, checkout))


def with_variables(text: str, variables: dict[str, Variable]) -> str:
    """The text with an empty line for each variable that is required and not in it."""
    present = {match.group(1) for line in text.splitlines() for match in [ASSIGNMENT.match(line)] if match}
    added: dict[str, list[str]] = {}
    for each in variables.values():
        if each.is_required and not {each.name, f"{each.name}_FILE"} & {*present, *KNOWN}:
            added.setdefault(each.file, []).append(f"{each.name}=\n")
    return text + "".join(f"\n# For {file}\n{''.join(lines)}" for file, lines in added.items())


def missing_variables(text: str, variables: dict[str, Variable], root: Path) -> list[str]:
    """A line for each required variable without a value or a file, except the settings of the platform itself."""
    return [
        f"{each.name}: {each.file} refers to it"
        for each in variables.values()
        if each.is_required and each.name not in KNOWN and not _has_value(text, each.name, root)
    ]


def _has_value(text: str, name: str, root: Path) -> bool:
    return bool(value_of(text, name) or file_of(text, name, root))


def unreachable_files(text: str, variables: dict[str, Variable], root: Path) -> list[str]:
    """A line with the remedy for each variable that has its value only in a file that no container mounts."""
    return [
        f"{name}: the containers do not have its file. Run: python3 scripts/generate_env.py --secret-files, which"
        " copies it to the directory that they mount"
        for name in variables
        if not value_of(text, name) and file_of(text, name, root) and not is_mounted(text, name, root)
    ]


def unreachable_addresses(text: str, variables: dict[str, Variable]) -> list[str]:
    """A line with the remedy for each variable that names this machine as localhost, except a simulated retailer's."""
    values = {name: value_of(text, name) or "" for name in variables}
    return [
        f"{name}: a container cannot reach this machine as localhost. Write this machine's name or address in place of"
        " localhost in .env. For a simulated retailer, let the definition name its variable, such as RETAILER1_API_URL"
        for name, value in values.items()
        if _is_of_this_machine(_in_containers(name, value, text))
    ]


def _is_of_this_machine(address: str) -> bool:
    try:
        return urlsplit(address).hostname in _THIS_MACHINE
    except ValueError:  # not an address
        return False


def content(text: str, variables: dict[str, Variable]) -> str:
    """The text of `sources.env`. A variable that is given as a file is not in it. Raises CannotWriteError."""
    own = {match.group(1) for line in text.splitlines() for match in [ASSIGNMENT.match(line)] if match}
    names = sorted(name for name in {*variables, *own} if name in variables or name.startswith(PREFIX))
    values = {name: _in_containers(name, value_of(text, name) or "", text) for name in names}
    secret = {name for name, each in variables.items() if each.is_secret}
    lines = [f"{name}={_quoted(name, value, is_secret=name in secret)}" for name, value in values.items() if value]
    return "\n".join([HEADER, *lines]) + "\n"


def _in_containers(name: str, value: str, text: str) -> str:
    """The value; for a simulated retailer's address on this machine, its address in the containers' network."""
    named, match = _SIMULATED.fullmatch(name), _LOCAL_URL.match(value)
    if not (named and match):
        return value
    number = named.group(1)
    # `.env` may still have the address that the script wrote when its user has chosen another port since.
    if match.group(2) not in (value_of(text, f"RETAILER{number}_PORT") or "", f"500{number}"):
        return value
    return f"{match.group(1)}://retailer{number}-api:500{number}{value[match.end() :]}"


def _quoted(name: str, value: str, *, is_secret: bool) -> str:
    """The value as every version of docker-compose reads it literally; they differ in escapes and in `${…}`."""
    if _PLAIN.fullmatch(value):
        return value
    is_readable = not ("${" in value or "\\\\" in value or value.endswith("\\"))
    if is_readable and "'" not in value:
        return f"'{value}'"
    if is_readable and not re.search(r'["$\\`]', value):
        return f'"{value}"'
    remedy = "Correct it, or write it in the definition instead of its name."
    if is_secret:
        remedy = "Run: python3 scripts/generate_env.py --secret-files, which moves it to a file of its own."
    raise CannotWriteError(
        f"{name}: docker-compose cannot read this value from {FILE_NAME}, because of its quotes, backslashes or ${{."
        f" {remedy}"
    )
