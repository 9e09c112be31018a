"""Reads a sample of JSON: finds where the records are, and turns their values into columns of texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingestion.connectors.files.cell_texts import cell_text
from ingestion.connectors.http.json_body import read_json
from ingestion.drafting.header_words import SURE, resemblance
from ingestion.drafting.sample import Column, Sample
from shared.errors import FixConfiguration

MOST_RECORDS = 20_000
_MEMORY = 1024 * 1024 * 1024
_MOST_LEVELS = 6
_JSON = re.compile(rb'(\xef\xbb\xbf)?\s*(\{\s*["}]|\[\s*[{\[\]])')


@dataclass(frozen=True)
class JsonSample:
    """A sample of JSON records, and what their mapping has to say beyond the columns."""

    sample: Sample
    rows_at: str
    """Path of the array with the records; '' for the body itself."""
    lines: str
    """The array within a record that has its lines; '' for none."""
    types: Mapping[str, str]
    """Column → `text`, `integer`, `number` or `mixed`."""
    may_be_null: tuple[str, ...]
    """Objects that are null in some records."""


def is_json(body: bytes) -> bool:
    """Whether a body begins like JSON. The header of a CSV file can begin with a bracket, too: `[order],[date]`."""
    return _JSON.match(body) is not None


def read_records(body: bytes, name: str) -> JsonSample:
    """The sample of a body: JSON, or a record on each line. Raises FixConfiguration, which names it."""
    return sample_of(_value(body, name), name)


def sample_of(value: Any, name: str) -> JsonSample:
    """The sample of a value that has an array of records in it. Raises FixConfiguration, which names it."""
    rows_at, records = max(_arrays(value, "", 0), key=lambda found: len(found[1]), default=("", []))
    records = records[:MOST_RECORDS]
    if not records:
        raise FixConfiguration(f"{name} has no array of records, so there is nothing to draft from.")
    lines = _lines_of(records)
    flat: list[dict[str, Any]] = []
    places: list[int] = []
    nulls: set[str] = set()
    for number, record in enumerate(records, start=1):
        own = dict(_flat({key: value for key, value in record.items() if key != lines}, "", nulls))
        items = [item for item in record.get(lines) or [] if isinstance(item, dict)] if lines else [None]
        for item in items:
            flat.append({**own, **dict(_flat(item, f"{lines}.", nulls))} if item is not None else own)
            places.append(number)
    names = list(dict.fromkeys(name for row in flat for name in row))
    columns = tuple(Column(name, tuple(cell_text(row.get(name)).strip() for row in flat)) for name in names)
    types = {name: _type(row.get(name) for row in flat) for name in names}
    objects = {name.rpartition(".")[0] for name in names}
    sample = Sample(columns, tuple(places), "record", is_complete=False)
    return JsonSample(sample, rows_at, lines, types, tuple(sorted(nulls & objects)))


def _value(body: bytes, name: str) -> Any:
    try:
        return read_json(body, _MEMORY)
    except ValueError as error:
        lines = [line for line in body.splitlines() if line.strip()]
        try:
            return [read_json(line, _MEMORY) for line in lines[:MOST_RECORDS]]
        except ValueError:
            raise FixConfiguration(f"{name} cannot be read as JSON: {error}.") from error


def _arrays(value: Any, path: str, level: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Arrays of objects that are not within other arrays, each with its path."""
    if isinstance(value, list):
        yield path, [each for each in value if isinstance(each, dict)]
    elif isinstance(value, dict) and level < _MOST_LEVELS:
        for key, each in value.items():
            yield from _arrays(each, f"{path}.{key}" if path else key, level + 1)


def _lines_of(records: Sequence[dict[str, Any]]) -> str:
    """The array in most records whose objects have a quantity or a product."""
    for key in dict.fromkeys(key for record in records for key in record):
        arrays = [record[key] for record in records if isinstance(record.get(key), list)]
        items = [item for array in arrays for item in array if isinstance(item, dict)]
        keys = dict.fromkeys(name for item in items for name in item)
        is_line = any(resemblance(name, role) >= SURE for name in keys for role in ("quantity", "product_id"))
        if is_line and sum(map(bool, arrays)) * 2 > len(records):
            return key
    return ""


def _flat(given: Mapping[str, Any], prefix: str, nulls: set[str]) -> Iterator[tuple[str, Any]]:
    for key, value in given.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.", nulls)
        elif not isinstance(value, list):
            if value is None:
                nulls.add(f"{prefix}{key}")
            yield f"{prefix}{key}", value


def _type(values: Iterator[Any]) -> str:
    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {str}:
        return "text"
    if kinds == {int}:
        return "integer"
    return "number" if kinds <= {int, float} else "mixed"
