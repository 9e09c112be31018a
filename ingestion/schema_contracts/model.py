"""The schema of what a source sends: its fields, their types, and how often each is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_FIELDS = 2_000
"""Of one source. Objects whose keys are values, such as ids, would otherwise fill the warehouse."""
SETTLED_RECORDS = 100
"""A schema that is known from fewer records takes over what further records have, without an alert."""


@dataclass(frozen=True)
class SchemaField:
    """One field. Its path has dots between the keys; the fields of an array's objects follow the array's name."""

    types: frozenset[str]
    """`text`, `integer`, `number`, `boolean`, `object`, `array`. Empty for a field that was always null."""
    share: float = 1.0
    """In which part of the objects that can have it, it was there; null counts as there."""


@dataclass(frozen=True)
class Schema:
    """What is known of a source."""

    fields: Mapping[str, SchemaField]
    records: int
    """How many records it is known from. Of files: their rows."""

    @property
    def is_settled(self) -> bool:
        """Whether it is known from enough records for a new field to be a change."""
        return self.records >= SETTLED_RECORDS

    def required(self) -> frozenset[str]:
        """Fields that every record had."""
        return frozenset(path for path, each in self.fields.items() if each.share >= 1)

    def as_json(self) -> dict[str, Any]:
        """JSON-able form of the fields."""
        return {
            path: {"types": sorted(each.types), "share": round(each.share, 6)}
            for path, each in sorted(self.fields.items())
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], records: int) -> Schema:
        """What `as_json` returned."""
        return cls(
            {path: SchemaField(frozenset(each["types"]), each["share"]) for path, each in fields.items()}, records
        )


@dataclass
class Observation:
    """What was counted in records."""

    types: dict[str, dict[str, int]] = field(default_factory=dict)
    """Path → type → how many values, `null` included."""
    objects: dict[str, int] = field(default_factory=lambda: {"": 0})
    """Path of an object → how many there were; '' for the records themselves."""
    is_flat: bool = False
    """Of files: the fields are columns, whose names may have dots, and the objects are the kinds of files."""

    @property
    def records(self) -> int:
        """How many records were looked at."""
        return self.objects[""]

    def present(self, path: str) -> int:
        """How often a field was there."""
        return sum(self.types.get(path, {}).values())

    def around(self, path: str) -> int:
        """How many objects could have had the field."""
        return self.objects.get(self.container(path), 0)

    def container(self, path: str) -> str:
        """The path of the object that a field is in."""
        if self.is_flat:
            return next((each for each in self.objects if each and path.startswith(f"{each}.")), "")
        return path.rpartition(".")[0]

    def add(self, other: Observation) -> None:
        """Add the counts of further records."""
        for path, counts in other.types.items():
            own = self.types.setdefault(path, {})
            for kind, count in counts.items():
                own[kind] = own.get(kind, 0) + count
        for path, count in other.objects.items():
            self.objects[path] = self.objects.get(path, 0) + count

    def schema(self) -> Schema:
        """The schema of these records alone."""
        return Schema(
            {
                path: SchemaField(frozenset(counts) - {"null"}, self.present(path) / max(1, self.around(path)))
                for path, counts in self.types.items()
            },
            self.records,
        )


def merged(known: Schema, seen: Observation, dropped: frozenset[str] = frozenset()) -> Schema:
    """The known schema with what was seen; without the fields that are not sent any more."""
    fields = {
        path: each
        for path, each in known.fields.items()
        if path not in dropped and (seen.is_flat or not any(path.startswith(f"{above}.") for above in dropped))
    }
    for path, each in seen.schema().fields.items():
        old = fields.get(path)
        if old is None and len(fields) >= MOST_FIELDS:
            continue
        share = min(each.share, old.share) if old else each.share
        fields[path] = SchemaField(each.types | (old.types if old else frozenset()), share)
    return Schema(fields, known.records + seen.records)
