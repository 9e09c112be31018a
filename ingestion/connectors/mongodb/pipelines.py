"""The pipelines for a source's documents: a date, its control report, what changed, the form of its times."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from bson import Decimal128, json_util

from ingestion.connectors.mongodb.fields import TimeField
from ingestion.connectors.sql.columns import Zone
from ingestion.mapping.layouts import SourceMapping
from shared.sources.definition import ReadPart

Stage = Mapping[str, Any]
TimeFields = Mapping[str, TimeField]
_ZERO, _LEAST, _MOST = Decimal128("0"), Decimal128("-1E30"), Decimal128("1E30")


class Pipeline(NamedTuple):
    """A pipeline and the collection that it reads."""

    collection: str
    stages: Sequence[Stage]
    returned: Sequence[str] = ()
    """The fields of a small result, in the order in which they are read."""


@dataclass(frozen=True)
class Pipelines:
    """The pipelines of one source."""

    read: ReadPart
    mapping: SourceMapping
    zone: Zone
    keys: Sequence[str]
    """The keys of a document that the mapping reads."""

    @property
    def timed(self) -> tuple[str, ...]:
        """The fields whose form decides how times are written and read."""
        return tuple(dict.fromkeys(name for name in (self.read.date_column, self.read.changed_by) if name))

    def extreme(self, field: str, direction: int) -> Pipeline:
        """The least (1) or the greatest (-1) value of a field."""
        return self._of({"$match": self._filtered({field: {"$ne": None}})}, {"$sort": {field: direction}}, *_one(field))

    def newest(self) -> Pipeline:
        """A document, to show which fields there are."""
        return self._of({"$sort": {"_id": -1}}, {"$limit": 1})

    def first(self, fields: TimeFields, day: date) -> Pipeline:
        """A document of a date."""
        return self._of(*self._on(fields, day), {"$limit": 1}, self._projection)

    def lines(self, fields: TimeFields, day: date) -> Pipeline:
        """The documents of a date, always in the same order."""
        order = {"$sort": {self.read.date_column: 1, "_id": 1}}
        match, *stages = self._on(fields, day)
        return self._of(match, order, *stages, self._projection)

    def report(self, fields: TimeFields, day: date) -> Pipeline:
        """Currency, lines and net amount of a date; the currency is null where it is a constant."""
        currency = self.mapping.columns["currency"].column
        counted = {
            "currency": f"${currency}" if currency else {"$literal": None},
            "lines": self._lines_of_document,
            "net": self._net_of_document,
        }
        summed = {"_id": "$currency", "lines": {"$sum": "$lines"}, "net": {"$sum": "$net"}}
        stages = *self._on(fields, day), {"$project": {"_id": 0, **counted}}, {"$group": summed}
        return self._of(*stages, returned=tuple(summed))

    def changes(self, fields: TimeFields, since: datetime) -> Pipeline:
        """Each minute with documents that changed since then, and their latest change.

        The filter is not applied: a document that it now leaves out has changed its date, too.
        """
        day, changed = fields[self.read.date_column or ""], fields[self.read.changed_by or ""]
        bound = changed.written(self.zone.no_later(changed.kind, since))
        wanted = {changed.name: {"$gte": bound}, day.name: {"$type": day.type}}
        grouped = {"_id": day.minute, "latest": {"$max": f"${changed.name}"}}
        return self._of({"$match": wanted}, {"$group": grouped}, returned=tuple(grouped))

    def _of(self, *stages: Stage, returned: Sequence[str] = ()) -> Pipeline:
        return Pipeline(self.read.collection or "", stages, returned)

    @property
    def _projection(self) -> Stage:
        return {"$project": dict.fromkeys(self.keys, 1)}

    def _on(self, fields: TimeFields, day: date) -> list[Stage]:
        """The documents of a date as the mapping reads them."""
        field = fields[self.read.date_column or ""]
        bounds = self.zone.bounds(field.kind, day)
        between = {"$gte": field.written(bounds["start"]), "$lt": field.written(bounds["end"])}
        stages = [extended_json(stage) for stage in self.read.pipeline or ()]
        return [{"$match": self._filtered({field.name: between})}, *stages]

    def _filtered(self, condition: Mapping[str, Any]) -> Mapping[str, Any]:
        return condition if self.read.filter is None else {"$and": [condition, extended_json(self.read.filter)]}

    @property
    def _lines_of_document(self) -> Any:
        """How many lines the mapping makes of a document: one that is rejected if it has none."""
        arrays = [each.path for each in self.mapping.lines]
        if not arrays:
            return {"$literal": 1}
        return {"$max": [1, {"$add": [_length(array) for array in arrays]}]}

    @property
    def _net_of_document(self) -> Any:
        path = self.read.net_amount or ""
        array, _, key = path.partition(".")
        if array not in [each.path for each in self.mapping.lines]:
            return _amount(f"${path}")
        lines = {"$cond": [{"$isArray": [f"${array}"]}, f"${array}", []]}
        return {"$sum": {"$map": {"input": lines, "as": "line", "in": _amount(f"$$line.{key}")}}}


def _one(field: str) -> tuple[Stage, ...]:
    return {"$limit": 1}, {"$project": {"_id": 0, "found": f"${field}"}}


def _length(array: str) -> Any:
    """The number of elements of an array; 1 for another value, 0 for null."""
    other = {"$cond": [{"$eq": [{"$ifNull": [f"${array}", None]}, None]}, 0, 1]}
    return {"$cond": [{"$isArray": [f"${array}"]}, {"$size": f"${array}"}, other]}


def _amount(path: str) -> Any:
    """An amount as a decimal: a double with the 15 digits that are exact, a text as it is. What is none counts as 0.

    Its line is rejected, and with rejected lines no money is compared.
    """
    amount = {"$convert": {"input": path, "to": "decimal", "onError": _ZERO, "onNull": _ZERO}}
    is_finite = {"$and": [{"$gt": ["$$amount", _LEAST]}, {"$lt": ["$$amount", _MOST]}]}
    return {"$let": {"vars": {"amount": amount}, "in": {"$cond": [is_finite, "$$amount", _ZERO]}}}


def extended_json(given: Any) -> Any:
    """What a definition says in extended JSON: `{$date: …}`, `{$oid: …}`. Raises ValueError or TypeError."""
    return json_util.loads(json.dumps(given))
