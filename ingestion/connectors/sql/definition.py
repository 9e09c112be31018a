"""What a definition of a database must have, and the columns that its query must have."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from ingestion.connectors.sql.columns import Kind
from ingestion.connectors.sql.queries import Queries
from ingestion.connectors.sql.statements import parameters_of
from ingestion.mapping.layouts import SourceMapping
from shared.errors import FixConfiguration
from shared.sources.databases import QUERY_PARAMETERS
from shared.sources.definition import SourceDefinition

_NAMED_COLUMNS = 40
_OF_TIME = (Kind.DATE, Kind.TIME, Kind.INSTANT, Kind.EPOCH, Kind.EPOCH_MS, Kind.UNKNOWN)
_OF_KEY = (Kind.NUMBER, Kind.EPOCH, Kind.EPOCH_MS, Kind.UNKNOWN)


def check_definition(source: SourceDefinition, queries: Queries) -> None:
    """Raises FixConfiguration if the keys of `read` do not fit each other."""
    for key, reason in _faults(source, queries):
        raise FixConfiguration(f"sources/{source.id}.yaml: read.{key}: {reason}.")


def _faults(source: SourceDefinition, queries: Queries) -> Iterator[tuple[str, str]]:
    read, is_parametrised = source.read, queries.selection.is_parametrised
    if unknown := sorted(parameters_of(read.query or "") - set(QUERY_PARAMETERS)):
        known = ", ".join(f":{name}" for name in QUERY_PARAMETERS)
        yield "query", f":{unknown[0]} is not a parameter; known are {known}"
    for key in ("changed_by", "incrementing_key"):
        if is_parametrised and getattr(read, key):
            yield key, "a query with parameters selects one date, so it cannot list what changed"
    if is_parametrised and read.date_column:
        yield "date_column", "the query selects the date itself, with its parameters; remove one of the two"
    if not is_parametrised and not read.date_column:
        yield "date_column", "it is missing: which column decides the business date?"


def check_columns(source: SourceDefinition, mapping: SourceMapping, kinds: Mapping[str, Kind]) -> None:
    """Raises FixConfiguration if the query has not the columns of the definition, or the wrong kind of a time."""
    read = source.read
    wanted = [(f"mapping.columns.{field}", name) for field, each in mapping.columns.items() for name in each.headers]
    wanted += [
        (f"mapping.columns.{field}", name)
        for field, each in mapping.columns.items()
        for name in (*each.content, *([each.minor_units] if isinstance(each.minor_units, str) else []))
    ]
    for key in ("date_column", "changed_by", "incrementing_key", "net_amount"):
        if name := getattr(read, key):
            wanted.append((f"read.{key}", name))
    for key, name in wanted:
        if name not in kinds:
            near = difflib.get_close_matches(name, kinds, n=1, cutoff=0.5)
            listed = ", ".join(list(kinds)[:_NAMED_COLUMNS]) + (", …" if len(kinds) > _NAMED_COLUMNS else "")
            hint = f" Did you mean {near[0]}?" if near else ""
            raise FixConfiguration(
                f"{source.id}: the query has no column {name!r}, which {key} names.{hint} It has: {listed}."
                f" Correct sources/{source.id}.yaml, or the query."
            )
    for key in ("date_column", "changed_by"):
        name = getattr(read, key)
        if name and kinds[name] not in _OF_TIME:
            raise FixConfiguration(
                f"{source.id}: the column {name!r}, which read.{key} names, is neither a date nor a time."
                " Convert it in the query."
            )
    if read.incrementing_key and kinds[read.incrementing_key] not in _OF_KEY:
        raise FixConfiguration(
            f"{source.id}: the column {read.incrementing_key!r}, which read.incrementing_key names, is not one of"
            " integers. Name another one, or remove the key."
        )
