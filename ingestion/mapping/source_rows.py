"""What the mapping knows of the rows in `source_rows`, whatever their source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class RowFault:
    """Why a row is rejected whatever its values are: SQL over `source_rows s` and the joined table."""

    code: str
    """The reject reason code, or NULL for a row without such a fault."""
    reason: str
    column: str = "NULL"
    value: str = "NULL"
    join: str = ""


class SourceRows(Protocol):
    """The rows of `source_rows s`."""

    @property
    def rows(self) -> int:
        """How many there are, with those that could not be stored in the table."""

    @property
    def cells(self) -> Mapping[str, str]:
        """Column, as the layout names it → SQL of its text. Never NULL; empty is ''."""

    @property
    def line_digest(self) -> str:
        """SQL of a line id made from the row's content."""

    @property
    def row_fault(self) -> RowFault | None:
        """None if every row of the table can be read."""
