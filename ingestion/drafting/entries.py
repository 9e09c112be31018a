"""What a draft consists of: keys with their values, why they were chosen, and what is not certain about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One key of the definition, or of a part of it."""

    key: str
    value: Any
    notes: tuple[str, ...] = ()
    """Evidence for the value."""
    checks: tuple[str, ...] = ()
    """Why a user has to look at it."""


@dataclass(frozen=True)
class Draft:
    """A drafted definition. With required fields that are `missing`, it is not valid yet."""

    source_id: str
    origin: str
    """What it was drafted from."""
    head: tuple[Entry, ...]
    format: tuple[Entry, ...]
    columns: tuple[Entry, ...]
    line_type: Entry | None
    not_mapped: tuple[str, ...]
    marks: tuple[str, ...] = ()
    """What a user has to look at that is about columns that are not mapped."""
    rows: Mapping[str, Any] = field(default_factory=dict)
    """Keys of a mapping of JSON rows."""
    missing: tuple[Entry, ...] = ()

    @property
    def checks(self) -> int:
        """How many values a user has to look at."""
        parts = (*self.head, *self.format, *self.columns, *self.missing, *([self.line_type] if self.line_type else []))
        return sum(bool(each.checks) for each in parts) + len(self.marks)

    def mapping(self) -> dict[str, Any]:
        """The mapping, as its YAML is read."""
        found: dict[str, Any] = dict(self.rows)
        if self.format:
            found["format"] = {each.key: each.value for each in self.format}
        found["columns"] = {each.key: each.value for each in self.columns}
        if self.line_type:
            found["line_type"] = self.line_type.value
        return found
