"""The mapping in the definition of a source whose rows come from a database: tables, whose columns have one value
each, as a text; or documents."""

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
    reason = "the rows of a table have no such thing; say it in the query"
    return _mapping(definition, (*_OF_FILES, *_OF_OBJECTS), reason)


def document_mapping(definition: SourceDefinition) -> SourceMapping:
    """What the fields of a source's documents mean. A document need not have all of them, so each object may be null.

    Raises FixConfiguration that names file, line and key.
    """
    reason = "documents have no such thing: every object may be missing, and a pipeline can say the rest"
    found = _mapping(definition, (*_OF_FILES, "may_be_null"), reason)
    arrays = [each.path for each in found.lines]
    objects = {parent for each in _paths(found) for parent in _parents(each)} - {*arrays}
    of_lines = [each.removeprefix(arrays[0]) for each in objects if arrays and each.startswith(f"{arrays[0]}.")]
    objects |= {array + each for array in arrays[1:] for each in of_lines}
    return found.model_copy(update={"may_be_null": tuple(sorted(objects))})


def _paths(mapping: SourceMapping) -> list[str]:
    sources = list(mapping.columns.values())
    replaced = [source for each in mapping.lines for source in each.columns.values() if source is not None]
    names = [name for source in (*sources, *replaced) for name in (*source.headers, *source.content)]
    names += [source.minor_units for source in sources if isinstance(source.minor_units, str)]
    return names


def _parents(path: str) -> list[str]:
    keys = path.split(".")
    return [".".join(keys[:length]) for length in range(1, len(keys))]


def _mapping(definition: SourceDefinition, forbidden: tuple[str, ...], reason: str) -> SourceMapping:
    path, at = place_of_mapping(definition)
    for where, fault in _faults(definition.mapping or {}, forbidden, reason):
        raise FixConfiguration(f"{_named(path, (*at, *where))}: {fault}.")
    found = mapping_of(definition, forbidden)
    if "line_id" not in found.columns:
        raise FixConfiguration(
            f"{_named(path, (*at, 'columns'))}: nothing is mapped to line_id."
            " Map the number of the line, or a key of the row."
        )
    return found


def _named(path: Path, key: KeyPath) -> str:
    return f"{read_yaml(path).place(key)}: {'.'.join(map(str, key))}"


def _faults(given: Mapping[str, Any], forbidden: tuple[str, ...], reason: str) -> Iterator[tuple[KeyPath, str]]:
    for key in forbidden:
        if key in given:
            yield (key,), reason
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
