"""What a connector of databases needs to know of the mapping in a definition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ingestion.mapping.layout_parts import TIME_FIELDS, FieldSource
from ingestion.mapping.layouts import SourceMapping
from shared.errors import FixConfiguration
from shared.sources.definition import SourceDefinition

_KEY = ("transaction_id", "line_id")


@dataclass(frozen=True)
class SelectedColumns:
    """The columns that are read."""

    names: tuple[str, ...]
    """Those that are mapped, each once."""
    integers: tuple[int, ...]
    """The places in `names` of those that the mapping wants as integers."""
    booleans: tuple[int, ...]
    """The places of those that it wants as booleans."""
    times: tuple[str, ...]
    """Columns that are read as times in the format of the database."""
    order: tuple[str, ...]
    """Those that identify a line, so that a date that did not change is read in the same order."""
    currency: str
    """The column of the currency; empty for a constant."""
    only_currency: str
    """The constant."""


def selected_columns(source: SourceDefinition, mapping: SourceMapping) -> SelectedColumns:
    """The columns that a mapping reads. Raises FixConfiguration for what a database cannot have."""
    types: dict[str, str] = {}
    for each in mapping.columns.values():
        for name in each.headers:
            if types.get(name, "text") == "text":
                types[name] = each.sent_type
        if isinstance(each.minor_units, str):
            types[each.minor_units] = "integer"
        for name in each.content:
            types.setdefault(name, "text")
    for reason in _faults(source, mapping, types):
        raise FixConfiguration(f"{source.id}: {reason}. Correct sources/{source.id}.yaml.")
    names, currency = tuple(types), mapping.columns["currency"]
    return SelectedColumns(
        names,
        tuple(place for place, name in enumerate(names) if types[name] == "integer"),
        tuple(place for place, name in enumerate(names) if types[name] == "boolean"),
        _times(mapping),
        tuple(dict.fromkeys(name for field in _KEY for name in _of(mapping.columns.get(field)))),
        currency.column or "",
        currency.value or "",
    )


def _faults(source: SourceDefinition, mapping: SourceMapping, columns: dict[str, str]) -> Iterator[str]:
    for name in columns:
        if "." in name:
            yield f"mapping: the column {name!r} has a point in its name; give it another one in the query"
    currency = mapping.columns["currency"]
    if source.read.net_amount and currency.column is None and currency.value is None:
        yield "read.net_amount: the currency has to be one column or a constant, so that amounts can be added up"


def _of(field: FieldSource | None) -> tuple[str, ...]:
    return field.headers if field else ()


def _times(mapping: SourceMapping) -> tuple[str, ...]:
    sources = [mapping.columns[field] for field in TIME_FIELDS if field in mapping.columns]
    return tuple(dict.fromkeys(each.column for each in sources if each.column and each.format in (None, "iso")))
