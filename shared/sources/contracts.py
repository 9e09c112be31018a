"""What a source's definition says about changes of its schema (docs/SOURCES.md)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

Contract = Annotated[
    Literal["evolve", "freeze", "reject"],
    Field(
        description="What happens when the source sends other fields than before. evolve: they are recorded. freeze:"
        " nothing is landed until they are accepted. reject: records that differ are rejected"
    ),
]
