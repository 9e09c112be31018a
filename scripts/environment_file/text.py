"""The text of a `.env`: what it holds, what it lacks, and writing it so that only its owner reads it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from scripts.environment_file.settings import KNOWN, MAY_BE_EMPTY, SECTIONS, Setting

ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$")
HEADER = (
    "# Settings of the retail analytics platform. Written by scripts/generate_env.py; keep it out of version control."
)


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
    return setting.choose() if setting.choose and not example else setting.value


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
