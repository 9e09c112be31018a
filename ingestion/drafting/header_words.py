"""What a column is, by its name. The words, in several languages, are in `header_words.toml`."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from ingestion.mapping.layout_parts import MAPPED_FIELDS

_WORDS = Path(__file__).with_name("header_words.toml")
_JOINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PATH = re.compile(r"\w+(\.\w+)+")
_SPELLED = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe"})
SURE = 0.8
"""From this resemblance on, a name says what its column is."""
LIKELY = 0.55
OTHER_AMOUNTS = ("tax", "discount", "tip", "shipping", "order_total", "refund")
"""Amounts that a layout has no field for. They have words so that nothing else takes their columns."""


def words_of(name: str) -> tuple[str, ...]:
    """The words of a header, without accents, in lower case: `InvoiceNo` → `invoice`, `no`."""
    split = _JOINS.sub(" ", name.translate(_SPELLED))
    plain = unicodedata.normalize("NFKD", split).encode("ascii", "ignore").decode().lower()
    return tuple(re.findall(r"[a-z]+|[0-9]+", plain.replace("'", " ")))


def resemblance(name: str, role: str) -> float:
    """How certainly a header with this name is of this role: 1 for a known name, 0 for one that has nothing of it.

    In a dotted path, its last part counts together with the one before.
    """
    parts = name.split(".") if _PATH.fullmatch(name) else [name]
    names = [" ".join(parts[-2:]), parts[-1]] if len(parts) > 1 else [name]
    return max(_resemblance(words_of(each), _phrases()[role]) for each in names)


def _resemblance(words: Sequence[str], phrases: Sequence[tuple[str, ...]]) -> float:
    joined = "".join(words)
    best = 0.0
    for phrase in phrases:
        own = "".join(phrase)
        if own == joined:
            return 1.0
        if _contains(words, phrase):
            best = max(best, 0.5 + 0.45 * len(own) / len(joined))
    return best


def _contains(words: Sequence[str], phrase: Sequence[str]) -> bool:
    return any(tuple(words[at : at + len(phrase)]) == tuple(phrase) for at in range(len(words) - len(phrase) + 1))


def roles() -> tuple[str, ...]:
    """All roles that have words: fields of a layout, parts of `sold_at`, and other amounts."""
    return tuple(_phrases())


@cache
def _phrases() -> Mapping[str, tuple[tuple[str, ...], ...]]:
    given: Mapping[str, Mapping[str, Sequence[str]]] = tomllib.loads(_WORDS.read_text(encoding="utf-8"))
    unknown = set(given) - {*MAPPED_FIELDS, "time_of_day", *OTHER_AMOUNTS}
    if unknown:
        raise ValueError(f"{_WORDS.name} has words of unknown roles: {', '.join(sorted(unknown))}")
    return {
        role: tuple(words_of(phrase) for phrases in by_language.values() for phrase in phrases)
        for role, by_language in given.items()
    }
