"""`sources.env`: the part of `.env` that the containers which read sources load. Python 3.8, standard library only."""

from __future__ import annotations

import re
from pathlib import Path

from scripts.environment_file.settings import KNOWN
from scripts.environment_file.text import ASSIGNMENT, value_of
from shared.sources.variables import Variable, variables_in

FILE_NAME = "sources.env"
HEADER = """\
# Generated from .env and sources/ by scripts/generate_env.py. Do not edit it: change .env, then run the script again.
# The containers that read sources load this file. Addresses of the simulated retailers are those in their network."""
PREFIX = "INGEST_"
_LOCAL_URL = re.compile(r"^(https?)://(?:localhost|127\.0\.0\.1|\[::1\])(?::(\d+))?(?=/|$)", re.IGNORECASE)
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
    directory = value_of(text, "SECRETS_DIRECTORY")
    has_file = bool(directory) and (root / (directory or "") / name).is_file()
    return has_file or bool(value_of(text, name) or value_of(text, f"{name}_FILE"))


def content(text: str, variables: dict[str, Variable]) -> str:
    """The text of `sources.env`. A variable that is given as a file is not in it. Raises CannotWriteError."""
    own = {match.group(1) for line in text.splitlines() for match in [ASSIGNMENT.match(line)] if match}
    names = sorted(name for name in {*variables, *own} if name in variables or name.startswith(PREFIX))
    values = {name: value_of(text, name) for name in names if not value_of(text, f"{name}_FILE")}
    lines = [f"{name}={_quoted(name, _in_containers(name, value, text))}" for name, value in values.items() if value]
    return "\n".join([HEADER, *lines]) + "\n"


def _in_containers(name: str, value: str, text: str) -> str:
    """The value; for a simulated retailer's address on this machine, its address in the containers' network."""
    match = _LOCAL_URL.match(value)
    if not match:
        return value
    published = {value_of(text, f"RETAILER{n}_PORT") or f"500{n}": n for n in (1, 2, 3)}
    named = re.match(r"RETAILER([123])_", name)
    number = published.get(match.group(2)) or (named and named.group(1))
    return f"{match.group(1)}://retailer{number}-api:500{number}{value[match.end() :]}" if number else value


def _quoted(name: str, value: str) -> str:
    """The value as every version of docker-compose reads it literally; they differ in escapes and in `${…}`."""
    if _PLAIN.fullmatch(value):
        return value
    is_readable = not ("${" in value or "\\\\" in value or value.endswith("\\"))
    if is_readable and "'" not in value:
        return f"'{value}'"
    if is_readable and not re.search(r'["$\\`]', value):
        return f'"{value}"'
    raise CannotWriteError(
        f"{name}: docker-compose cannot read this value from a file, because of its quotes, backslashes or ${{."
        f" Write it to a file of its own, and set {name}_FILE in .env to the path of that file."
    )
