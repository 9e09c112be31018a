"""The text of a `.env`: which settings it has, which are missing, and writing it so that only its owner can read it."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from scripts.environment_file.settings import KNOWN, MAY_BE_EMPTY, example_value, initial_value
from shared.settings_registry.registry import SECTIONS

AWS_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$")
HEADER = """\
# Settings of the retail analytics platform. Written by scripts/generate_env.py; keep it out of version control.
# docs/SETTINGS.md explains each setting, and lists those that are not in this file."""


def value_of(text: str, name: str) -> str | None:
    """The value of the last assignment in a `.env`; None without one."""
    found = None
    for line in text.splitlines():
        match = ASSIGNMENT.match(line)
        if match and match.group(1) == name:
            found = match.group(2).strip().strip("'\"")
    return found


def with_value(text: str, name: str, value: str, *, renamed: str | None = None) -> str:
    """The text with the name set to this value, in place (optionally renamed) or at the end."""
    lines = text.splitlines()
    places = [i for i, line in enumerate(lines) if (found := ASSIGNMENT.match(line)) and found.group(1) == name]
    assignment = f"{renamed or name}={value}"
    for place in places:
        lines[place] = assignment
    return "\n".join(lines if places else [*lines, assignment]) + "\n"


def with_override(text: str, file: str) -> str:
    """The text with one more file for docker-compose, unless it is listed."""
    files = (value_of(text, "COMPOSE_FILE") or KNOWN["COMPOSE_FILE"].default).split(":")
    return text if file in files else with_value(text, "COMPOSE_FILE", ":".join([*files, file]))


def names_in(text: str) -> set[str]:
    """Names that have a value in a `.env`; one may be given as NAME_FILE instead."""
    found = set()
    for line in text.splitlines():
        match = ASSIGNMENT.match(line)
        if match and (match.group(2).strip().strip("'\"") or match.group(1) in MAY_BE_EMPTY):
            found.add(match.group(1))
    return found | {name[: -len("_FILE")] for name in found if name.endswith("_FILE")}


def missing_from(text: str) -> list[str]:
    """Known settings without a value."""
    present = names_in(text) | (set(AWS_KEYS) if is_aws(text) else set())
    return [name for name in KNOWN if name not in present]


def is_aws(text: str) -> bool:
    """Whether S3 is Amazon's: then the keys may come from a role or a profile, and none is generated."""
    return value_of(text, "S3_ENDPOINT_URL") == "" and "S3_ENDPOINT_URL_FILE" not in names_in(text)


def completed(text: str, *, example: bool = False) -> str:
    """The text with the missing settings added under their titles; an example has no secrets in it."""
    missing = set(missing_from(text))
    lines = [line for line in text.rstrip("\n").splitlines() if not _is_empty_one_of(line, missing)] or [HEADER]
    for section in SECTIONS:
        wanted = [setting for setting in section.settings if setting.name in missing]
        if wanted:
            value = example_value if example else initial_value
            lines += ["", f"# {section.title}: {section.note}"]
            lines += [f"{setting.name}={value(setting)}" for setting in wanted]
    return "\n".join(lines) + "\n"


def new_value(name: str) -> str:
    """A new random secret."""
    return initial_value(KNOWN[name])


def _is_empty_one_of(line: str, names: set[str]) -> bool:
    match = ASSIGNMENT.match(line)
    return bool(match and match.group(1) in names)


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace the file in one step, so that nothing reads half of it; only its owner can read it."""
    path = path.resolve()  # of a link, the file that it names; the link stays
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".new", dir=str(path.parent))  # mode 0600
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(mode)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink()  # it has secrets, and on a full disk it is in the way
        raise
