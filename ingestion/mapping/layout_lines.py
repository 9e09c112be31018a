"""The arrays of an order's JSON that hold its lines, as the mapping of a connector names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from ingestion.mapping.file_format import Part
from ingestion.mapping.layout_parts import MAPPED_FIELDS, FieldSource
from ingestion.models.retailer_data import ItemType


class LinePath(Part):
    """An array of an order's JSON with lines. The columns of the mapping are named for the first one."""

    path: str
    item_type: ItemType | None = Field(default=None, description="What its lines charge for; products when left out")
    columns: Mapping[Literal[MAPPED_FIELDS], FieldSource | None] = Field(  # type: ignore[valid-type]
        default_factory=dict,
        description="Fields that its lines have under another key, or always with the same value; null: not at all",
    )


ITEM_TYPE_OF_PATH = "(item type of the array)"
"""The column that holds what the lines of an array charge for."""


def with_line_paths(given: dict[str, Any]) -> dict[str, Any]:
    """A mapping as given, with each array of lines as a `LinePath`, and the item type mapped if an array has one."""
    lines = given["lines"] if isinstance(given["lines"], list) else [given["lines"]]
    paths = [{"path": line} if isinstance(line, str) else line for line in lines]
    columns = given.get("columns")
    if isinstance(columns, dict) and any(isinstance(path, dict) and path.get("item_type") for path in paths):
        columns = {"item_type": ITEM_TYPE_OF_PATH, **columns}
    return {**given, "lines": paths, "columns": columns}
