"""A sample of a source's rows, as the texts of its columns. What is decided about them is decided from these texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Column:
    """One column, with its text in every row of the sample. An empty text is a value that is missing."""

    name: str
    texts: tuple[str, ...]

    @cached_property
    def first_rows(self) -> Mapping[str, int]:
        """Each distinct text that is not empty → the first row that has it, from 0."""
        found: dict[str, int] = {}
        for row, text in enumerate(self.texts):
            if text:
                found.setdefault(text, row)
        return found

    @property
    def is_filled(self) -> bool:
        """Whether no row lacks a value."""
        return all(self.texts)


@dataclass(frozen=True)
class Sample:
    """Rows of a source."""

    columns: tuple[Column, ...]
    places: tuple[int, ...]
    """Of each row: the line of the file where it begins, or its number in a response, from 1."""
    unit: str = "line"
    """What a place counts."""
    is_complete: bool = True
    """Whether it has every row of the source."""

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.places)

    def place(self, row: int) -> str:
        """`line 7`, for a row from 0."""
        return f"{self.unit} {self.places[row]:,}"

    def quoted(self, column: Column, text: str) -> str:
        """A text and where it is: `'13/02/2024' in line 7`."""
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        return f"{shown!r} in {self.place(column.first_rows[text])}"
