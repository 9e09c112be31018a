"""The parts of a definition that only sources in MongoDB have (docs/connectors/mongodb.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from shared.sources.databases import MONGODB
from shared.sources.parts import Part

STAGES = (
    *("$addFields", "$lookup", "$match", "$project", "$replaceRoot", "$replaceWith", "$set", "$unset", "$unwind"),
)  # fmt: skip
"""What a pipeline can consist of: stages that keep each document apart from the others, and that only read."""
_FORBIDDEN = ("$accumulator", "$function", "$merge", "$out", "$where")
"""Operators that write, or run JavaScript on the server."""
CollectionName = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00$]+$")]


class DocumentRead(Part):
    """What is read from MongoDB. The keys are null for other sources."""

    collection: CollectionName | None = Field(default=None, description="Only for mongodb: a collection or view")
    filter: Mapping[str, Any] | None = Field(
        default=None, min_length=1, description="Only for mongodb: which documents are sales, as extended JSON"
    )
    pipeline: tuple[Mapping[str, Any], ...] | None = Field(
        default=None, min_length=1, max_length=50, description="Only for mongodb: stages that change the documents"
    )


def document_faults(connector: str, read: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with these keys of a connector's `read`: key, and reason."""
    if connector != MONGODB:
        for name in DocumentRead.model_fields:
            if getattr(read, name) is not None:
                yield name, f"it is only for `connector: {MONGODB}`"
        return
    if read.collection is None:
        yield "collection", "it is missing"
    if read.date_column is None:
        yield "date_column", "it is missing: which field decides the business date?"
    for name in ("filter", "pipeline"):
        for operator in _operators(getattr(read, name)):
            if operator in _FORBIDDEN:
                yield name, f"{operator} is not allowed: a source only reads, and runs no code on the server"
    for stage in read.pipeline or ():
        if len(stage) != 1 or next(iter(stage)) not in STAGES:
            shown = ", ".join(map(str, stage)) or "an empty stage"
            yield "pipeline", f"{shown} is not allowed. A stage is one of {', '.join(STAGES)}; for others make a view"


def _operators(given: Any) -> Iterator[str]:
    if isinstance(given, Mapping):
        for key, value in given.items():
            if isinstance(key, str) and key.startswith("$"):
                yield key
            yield from _operators(value)
    elif isinstance(given, list | tuple):
        for each in given:
            yield from _operators(each)
