"""Finds which words of a column say that a line is a sale, a return, or did not happen."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ingestion.drafting.header_words import words_of
from ingestion.drafting.numbers import NumberStyle
from ingestion.drafting.sample import Column

_WORDS = Path(__file__).with_name("line_type_words.toml")
_MOST_WORDS = 30
"""A column with more distinct values is not one of types."""


@dataclass(frozen=True)
class LineTypes:
    """The values of a column by what they say, each in the order in which it occurs."""

    values: Mapping[str, tuple[str, ...]]
    """`void`, `return`, `sale` → values."""
    unknown: tuple[str, ...]
    """Values whose word is not known; they are drafted as sales."""
    returns_are_positive: bool
    """Whether the quantities of returns have no minus sign."""


def detect_line_types(column: Column, quantity: Column | None, style: NumberStyle) -> LineTypes | None:
    """What the values of a column say; None if some rows have no value, or none of the values is known."""
    texts = list(column.first_rows)
    if not column.is_filled or len(texts) > _MOST_WORDS:
        return None
    kinds = {text: kind for text in texts if (kind := _kind(text))}
    if not kinds:
        return None
    values = {kind: tuple(text for text in texts if kinds.get(text) == kind) for kind in ("void", "return", "sale")}
    unknown = tuple(text for text in texts if text not in kinds)
    return LineTypes(values, unknown, _are_positive(column, values["return"], quantity, style))


def has_known_words(column: Column) -> bool:
    """Whether a column that is empty in some rows has values that say what a line is."""
    return not column.is_filled and len(column.first_rows) <= _MOST_WORDS and any(map(_kind, column.first_rows))


def _are_positive(column: Column, returns: Sequence[str], quantity: Column | None, style: NumberStyle) -> bool:
    if quantity is None:
        return bool(returns)
    read = [style.read(pieces) for text, pieces in zip(column.texts, quantity.texts, strict=True) if text in returns]
    known = [value for value in read if value is not None]
    return bool(known) and all(value >= 0 for value in known)


def _kind(text: str) -> str | None:
    words = " ".join(words_of(text))
    return next((kind for kind, known in _known().items() if words in known), None)


@cache
def _known() -> Mapping[str, frozenset[str]]:
    given: Mapping[str, Mapping[str, Sequence[str]]] = tomllib.loads(_WORDS.read_text(encoding="utf-8"))
    return {
        kind: frozenset(" ".join(words_of(word)) for words in by_language.values() for word in words)
        for kind, by_language in given.items()
    }
