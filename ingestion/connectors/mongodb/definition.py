"""What a definition of a source in MongoDB must have."""

from __future__ import annotations

from collections.abc import Iterator

from ingestion.connectors.mongodb.pipelines import extended_json
from ingestion.mapping.layouts import SourceMapping
from shared.errors import FixConfiguration
from shared.sources.definition import SourceDefinition


def check_definition(source: SourceDefinition, mapping: SourceMapping) -> None:
    """Raises FixConfiguration if the keys of `read` do not fit the mapping."""
    for key, reason in _faults(source, mapping):
        raise FixConfiguration(f"sources/{source.id}.yaml: {key}: {reason}.")


def _faults(source: SourceDefinition, mapping: SourceMapping) -> Iterator[tuple[str, str]]:
    read, arrays = source.read, [each.path for each in mapping.lines]
    for key in ("date_column", "changed_by"):
        path = getattr(read, key) or ""
        if path.partition(".")[0] in arrays:
            yield f"read.{key}", f"{path!r} is in the lines; a document has one date, so name a field outside of them"
    for key in ("filter", "pipeline"):
        try:
            extended_json(getattr(read, key))
        except (ValueError, TypeError) as error:
            yield f"read.{key}", f"it is not extended JSON ({error}); a time is {{$date: '2024-01-15T00:00:00Z'}}"
    if read.net_amount is None:
        return
    currency = mapping.columns["currency"]
    if currency.column is None and currency.value is None:
        yield "read.net_amount", "the currency has to be one field or a constant, so that amounts can be added up"
    if (currency.column or "").partition(".")[0] in arrays:
        yield "read.net_amount", "the currency has to be in the document and not in its lines, to add up its amounts"
    if len(arrays) > 1 and read.net_amount.partition(".")[0] in arrays:
        yield "read.net_amount", "with several arrays of lines, it has to be the amount of the document"
