"""The materialized views: their definition files, read and listed in refresh order.

A view is one file, `definitions/<view>.sql`: a header of comment lines in TOML (question, grain, unique index, what the
view reads, its columns) and the query. Everything else about a view is generated from this file or compared with it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import FixConfiguration

DEFINITIONS = Path(__file__).with_name("definitions")


class ViewColumn(BaseModel):
    """A column: its type, the columns it is made from as `table.column`, and its comment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    sources: tuple[str, ...] = Field(alias="from")
    comment: str


class ViewDefinition(BaseModel):
    """A view as its file defines it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    question: str
    grain: str
    unique_index: tuple[str, ...]
    """Columns that are never null: REFRESH … CONCURRENTLY needs such an index."""
    reads: tuple[str, ...]
    columns: Mapping[str, ViewColumn]
    query: str


@cache
def view_definitions() -> Mapping[str, ViewDefinition]:
    """All views by name, each after the views it reads; otherwise in alphabetical order."""
    return in_refresh_order(parse(path.stem, path.read_text("utf-8")) for path in sorted(DEFINITIONS.glob("*.sql")))


def in_refresh_order(definitions: Iterable[ViewDefinition]) -> Mapping[str, ViewDefinition]:
    """The definitions by name, each after the views it reads. Raises graphlib.CycleError when two need each other."""
    views = {view.name: view for view in definitions}
    reads = {name: [each for each in view.reads if each in views] for name, view in views.items()}
    return {name: views[name] for name in TopologicalSorter(reads).static_order()}


def parse(name: str, text: str) -> ViewDefinition:
    """Read one definition file. Raises FixConfiguration when the header is incomplete."""
    lines = text.splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    header = "\n".join(line.removeprefix("--").removeprefix(" ") for line in lines[:end])
    query = "\n".join(lines[end:]).strip()
    try:
        return ViewDefinition(name=name, query=query, **tomllib.loads(header))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise FixConfiguration(
            f"materialized_views/definitions/{name}.sql: the header is not valid: {error}"
        ) from error
