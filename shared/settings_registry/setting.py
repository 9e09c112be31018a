"""The type of an entry of the registry. Python 3.8, standard library only."""

from __future__ import annotations

from typing import NamedTuple

PIPELINE = "pipeline"
"""The stages and the `retail` command, wherever they run."""
CONTAINERS = "containers"
LOCAL = "local platform"
AIRFLOW = "Airflow"
RETAILERS = "simulated retailers"
EVERYWHERE = f"{PIPELINE}, {CONTAINERS}, {LOCAL}"
READERS = (PIPELINE, CONTAINERS, LOCAL, AIRFLOW, RETAILERS)


class Setting(NamedTuple):
    """One environment variable."""

    name: str
    meaning: str
    """One or two sentences in Markdown, for docs/SETTINGS.md."""
    default: str = ""
    """The value where the variable is unset or empty; the code and the compose files must agree with it."""
    in_env: bool = False
    """Whether `.env` has a line for it."""
    env_value: str | None = None
    """The value that `.env` starts with, when it is not the default."""
    made: str = ""
    """Which generator of scripts/environment_file/generators.py makes its value in `.env`."""
    secret: bool = False
    may_be_empty: bool = False
    """An empty line in `.env` is a choice and does not count as missing."""
    read_by: str = ""
    """Which programs read it, when not those of the section."""


class Section(NamedTuple):
    """Settings that belong together: a heading in `.env` and in docs/SETTINGS.md."""

    title: str
    note: str
    read_by: str
    settings: tuple[Setting, ...]


def plain(name: str, default: str, meaning: str, read_by: str = "") -> Setting:
    """A setting with a line in `.env`, which starts with the default."""
    return Setting(name, meaning, default, in_env=True, may_be_empty=not default, read_by=read_by)


def secret(name: str, meaning: str, made: str = "password", read_by: str = "") -> Setting:
    """A secret without a default: scripts/generate_env.py makes a random value."""
    return Setting(name, meaning, in_env=True, made=made, secret=True, read_by=read_by)


def optional(name: str, default: str, meaning: str, read_by: str = "", *, secret: bool = False) -> Setting:
    """A setting that `.env` does not mention until a user adds it."""
    return Setting(name, meaning, default, secret=secret, read_by=read_by)
