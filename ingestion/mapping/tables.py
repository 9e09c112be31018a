"""The mapping in the definition of a source whose rows come from a table: each column has one value, as a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ingestion.mapping.layouts import SourceMapping, mapping_of, place_of_mapping
from shared.errors import FixConfiguration
from shared.sources.definition import SourceDefinition
from shared.sources.yaml_file import KeyPath, read_yaml

_OF_FILES = ("tables", "duplicate_key", "outliers")
_OF_OBJECTS = ("rows", "lines", "may_be_null")
_OF_ALL_ROWS = ("mean", "median", "mode")


def table_mapping(definition: SourceDefinition) -> SourceMapping:
    """What the columns of a source's rows mean. Raises FixConfiguration that names file, line and key."""
    path, at = place_of_mapping(definition)
    for where, reason in _faults(definition.mapping or {}):
        raise FixConfiguration(f"{_named(path, (*at, *where))}: {reason}.")
    found = mapping_of(definition, (*_OF_FILES, *_OF_OBJECTS))
    if "line_id" not in found.columns:
        raise FixConfiguration(
            f"{_named(path, (*at, 'columns'))}: nothing is mapped to line_id."
            " Map the number of the line, or a key of the row."
        )
    return found


def _named(path: Path, key: KeyPath) -> str:
    return f"{read_yaml(path).place(key)}: {'.'.join(map(str, key))}"


def _faults(given: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    for key in (*_OF_FILES, *_OF_OBJECTS):
        if key in given:
            yield (key,), "the rows of a table have no such thing; say it in the query"
    for key in ("encoding", "delimiter"):
        if isinstance(given.get("format"), Mapping) and key in given["format"]:
            yield ("format", key), "only files have it"
    columns = given.get("columns")
    for field, source in columns.items() if isinstance(columns, Mapping) else ():
        way = source.get("when_missing") if isinstance(source, Mapping) else None
        if isinstance(way, Mapping) and way.get("use") in _OF_ALL_ROWS:
            yield ("columns", field, "when_missing"), "a date is read in parts, so nothing is known of all rows"
    checks = given.get("checks")
    for number, check in enumerate(checks if isinstance(checks, list | tuple) else ()):
        if isinstance(check, Mapping) and check.get("severity") == "warning":
            yield ("checks", number, "severity"), "only rows of files are flagged; a check here rejects"
