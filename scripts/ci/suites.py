"""The suites of `.ci/suites.toml`: a command each, what it covers, and when it is due."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

GROUPS = 4
"""Suites that do not always run take turns: each group has every fourth landing."""
KEYS = {"name", "command", "part", "about", "always", "group", "covers"}


class SuitesError(Exception):
    """`.ci/suites.toml` contradicts itself; the text says where."""


@dataclass(frozen=True)
class Suite:
    """One step of continuous integration."""

    name: str
    command: tuple[str, ...]
    about: str
    """One sentence: what the suite covers."""
    part: str = ""
    """Which part of the command's tests it is; parts of one command share what they start."""
    always: bool = False
    group: int = 0
    """Which landings are its turn: those whose number leaves this remainder when divided by GROUPS."""
    covers: tuple[str, ...] = ()
    """Patterns of the files it tests, in which `*` also matches a slash."""

    def covered(self, paths: Iterable[str]) -> list[str]:
        """Those of these files that the suite covers, sorted."""
        return sorted(path for path in paths if any(fnmatchcase(path, pattern) for pattern in self.covers))


def read_suites(path: Path) -> tuple[Suite, ...]:
    """Read the declaration. Raises SuitesError."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    everywhere = tuple(document.get("everywhere", ()))
    suites = tuple(_suite(entry, everywhere) for entry in document.get("suite", ()))
    names = [suite.name for suite in suites]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SuitesError(f"{path}: more than one suite is called {', '.join(twice)}")
    return suites


def _suite(entry: Mapping[str, Any], everywhere: tuple[str, ...]) -> Suite:
    name = entry.get("name", "a suite without a name")
    if wrong := sorted(entry.keys() - KEYS):
        raise SuitesError(f"{name}: unknown key {', '.join(wrong)}")
    if missing := sorted({"name", "command", "about"} - entry.keys()):
        raise SuitesError(f"{name}: {', '.join(missing)} is missing")
    always = entry.get("always", False)
    if always == ("covers" in entry or "group" in entry):
        raise SuitesError(f"{name}: give either always = true, or covers and group")
    if not always and (not entry.get("covers") or entry.get("group") not in range(GROUPS)):
        raise SuitesError(f"{name}: covers needs a pattern, and group a number from 0 to {GROUPS - 1}")
    covers = () if always else (*entry["covers"], *everywhere)
    part, group = entry.get("part", ""), entry.get("group", 0)
    return Suite(name, tuple(entry["command"]), entry["about"], part, always, group, covers)
