"""Reads values from nested JSON objects, a column at a time: `shop.id` of all rows of a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

from ingestion.models.reject_reasons import RejectReason


@dataclass(frozen=True)
class Unread:
    """Is in a column in place of a value that could not be reached."""

    code: RejectReason
    reason: str
    sent: str = ""
    """What the source sent, as far as it can be shown."""


ABSENT = Unread(RejectReason.MISSING_FIELD, "missing")
_NOT_IN_AN_OBJECT = Unread(RejectReason.MALFORMED, "not in an object")


@dataclass(frozen=True)
class JsonObject:
    """An object and the keys that are read from it: values, and objects within it."""

    path: str
    keys: tuple[str, ...]
    may_be_null: bool

    def read(self, objects: Sequence[Any]) -> Iterable[tuple[Any, ...]]:
        """One column per key. In place of a value that cannot be reached is an `Unread`."""
        try:
            if self.may_be_null:
                read, nulls = self._read, self._nulls
                return zip(*[nulls if each is None else read(each) for each in objects], strict=True)
            return zip(*map(self._read, objects), strict=True)
        except (KeyError, TypeError):
            return zip(*map(self._read_carefully, objects), strict=True)

    @cached_property
    def _read(self) -> Callable[[Any], tuple[Any, ...]]:
        only = self.keys[0]
        return itemgetter(*self.keys) if len(self.keys) > 1 else lambda given: (given[only],)

    @cached_property
    def _nulls(self) -> tuple[Any, ...]:
        return (None,) * len(self.keys)

    def _read_carefully(self, given: Any) -> tuple[Any, ...]:
        if isinstance(given, dict):
            return tuple(given.get(key, ABSENT) for key in self.keys)
        if given is None and self.may_be_null:
            return self._nulls
        return (given if isinstance(given, Unread) else _NOT_IN_AN_OBJECT,) * len(self.keys)


def objects_of(columns: Iterable[str], root: str, may_be_null: Sequence[str]) -> list[JsonObject]:
    """The objects that contain the columns, each after the one that contains it. `root` contains all."""
    keys: dict[str, dict[str, None]] = {root: {}}
    for column in columns:
        path, _, key = column.rpartition(".")
        keys.setdefault(path, {})[key] = None
        while path != root:
            path, _, key = path.rpartition(".")
            keys.setdefault(path, {})[key] = None
    ordered = sorted(keys, key=lambda path: (path != root, path.count("."), path))
    return [JsonObject(path, tuple(keys[path]), path in may_be_null) for path in ordered if keys[path]]


def read_columns(objects: Sequence[JsonObject], root: str, rows: Sequence[Any]) -> dict[str, Sequence[Any]]:
    """Path → its values in all rows. The values of `root` are the rows."""
    values: dict[str, Sequence[Any]] = {root: rows}
    for each in objects:
        prefix = f"{each.path}." if each.path else ""
        found = each.read(values[each.path]) if rows else ((),) * len(each.keys)
        values.update((prefix + key, column) for key, column in zip(each.keys, found, strict=True))
    return values
