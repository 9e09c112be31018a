"""What is different in what a source sends: fields that are added, dropped, retyped or probably renamed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from ingestion.schema_contracts.model import MOST_FIELDS, Observation, Schema
from ingestion.schema_contracts.observation import type_of

EXPECTED = 20
"""A field is dropped if no record has it although so many should, by how often it was there before."""
_SIMILAR = 0.5
"""Of names, by difflib."""


@dataclass(frozen=True)
class Change:
    """One difference."""

    kind: Literal["added", "dropped", "retyped", "renamed"]
    path: str
    records: int
    """How many records, or objects within them, it touches."""
    before: str = ""
    """The types before; of a renamed field, its name before."""
    after: str = ""
    """The types now."""

    def sentence(self) -> str:
        """One line of a message."""
        count = f"{self.records:,} record{'' if self.records == 1 else 's'}"
        if self.kind == "added":
            return f"added: {self.path} ({self.after or 'always null'}), in {count}"
        if self.kind == "dropped":
            return f"dropped: {self.path} ({self.before or 'always null'}), missing in {count}"
        if self.kind == "renamed":
            return f"probably renamed: {self.before} is now {self.path} ({self.after}), in {count}"
        return f"retyped: {self.path}, {self.before} before, now {self.after}, in {count}"

    def as_json(self) -> dict[str, Any]:
        """JSON-able form."""
        return {name: getattr(self, name) for name in ("kind", "path", "records", "before", "after")}


def find_changes(known: Schema, seen: Observation, expected: int = EXPECTED) -> list[Change]:
    """The changes, renamed fields first. `expected`: in how many records a field must be missed; 0 for a header."""
    is_full = len(known.fields) >= MOST_FIELDS
    added = [] if is_full else [path for path in seen.types if path not in known.fields]
    dropped = [
        path
        for path, each in known.fields.items()
        if not seen.present(path) and seen.around(path) and each.share * seen.around(path) >= expected
    ]
    if not seen.is_flat:
        added, dropped = _topmost(added), _topmost(dropped)
    renamed = _renamed(known, seen, added, dropped)
    found = [Change("renamed", new, seen.present(new), old, _types(seen.types[new])) for new, old in renamed.items()]
    found += [Change("added", path, seen.present(path), "", _types(seen.types[path])) for path in added]
    found += [
        Change("dropped", path, seen.around(path), ", ".join(sorted(known.fields[path].types))) for path in dropped
    ]
    gone = {*renamed.values()}
    found = [each for each in found if each.kind == "renamed" or each.path not in {*renamed, *gone}]
    return [*found, *_retyped(known, seen)]


def _retyped(known: Schema, seen: Observation) -> list[Change]:
    found = []
    for path, counts in seen.types.items():
        before = known.fields[path].types if path in known.fields else frozenset()
        accepted = before | ({"integer"} if "number" in before else set()) | {"null"}
        new = {kind: count for kind, count in counts.items() if kind not in accepted}
        if before and new:
            found.append(Change("retyped", path, sum(new.values()), ", ".join(sorted(before)), _types(new)))
    return found


def _renamed(known: Schema, seen: Observation, added: Sequence[str], dropped: Sequence[str]) -> Mapping[str, str]:
    """New name → old name, where one field went and one of the same types came in the same object.

    Of several that can be meant, the one with the most similar name is.
    """
    pairs = [
        (SequenceMatcher(None, old, new).ratio(), new, old)
        for old in dropped
        for new in added
        if seen.container(new) == seen.container(old)
        and known.fields[old].types
        and set(seen.types[new]) - {"null"} == known.fields[old].types
    ]
    found: dict[str, str] = {}
    for similarity, new, old in sorted(pairs, reverse=True):
        rivals = [each for each in pairs if (each[1] == new) != (each[2] == old)]
        is_free = new not in found and old not in found.values()
        if is_free and (not rivals or similarity >= _SIMILAR):
            found[new] = old
    return found


def _topmost(paths: Iterable[str]) -> list[str]:
    """Paths without those below another one of them."""
    found = list(paths)
    known = set(found)
    return [path for path in found if not any(parent in known for parent in _parents(path))]


def _parents(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _types(counts: Mapping[str, int]) -> str:
    return ", ".join(sorted(set(counts) - {"null"}))


def differing_field(record: Any, known: Schema) -> str | None:
    """What is different in one record: the first field that is new, of another type, or always there but missing."""
    required = known.required() if known.is_settled else frozenset()
    return _differing(record, "", known, required) if type(record) is dict else None


def _differing(given: Mapping[str, Any], path: str, known: Schema, required: frozenset[str]) -> str | None:
    prefix = f"{path}." if path else ""
    for key, value in given.items():
        name = f"{prefix}{key}"
        field, kind = known.fields.get(name), type_of(value)
        if field is None:
            return f"the field {name} is new"
        fits = kind in field.types or (kind == "integer" and "number" in field.types)
        if field.types and kind not in (None, "null") and not fits:
            return f"the field {name} is {kind}, not {' or '.join(sorted(field.types))}"
        for item in value if isinstance(value, list) else [value]:
            if type(item) is dict and (found := _differing(item, name, known, required)):
                return found
    missing = [name for name in required if name.rpartition(".")[0] == path and name[len(prefix) :] not in given]
    return f"the field {min(missing)} is missing" if missing else None
