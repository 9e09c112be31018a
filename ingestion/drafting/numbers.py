"""Finds how numbers are written: which mark is the decimal mark, and what separates the thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ingestion.drafting.sample import Column, Sample

CURRENCY_SIGNS: Mapping[str, str] = {
    "€": "EUR", "£": "GBP", "₹": "INR", "₺": "TRY", "₽": "RUB", "₩": "KRW", "₪": "ILS", "₫": "VND", "₴": "UAH",
    "R$": "BRL", "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "CHF": "CHF", "US$": "USD",
}  # fmt: skip
"""Signs that are those of one currency. `$`, `¥` and `kr` are those of several."""
SHARED_SIGNS = ("$", "¥", "kr")
_SIGN = "|".join(re.escape(each) for each in sorted((*CURRENCY_SIGNS, *SHARED_SIGNS), key=len, reverse=True))
_BLANKS = re.compile("[ \u00a0\u202f]")
_PLAIN = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?|[+-]?[0-9]{1,3}([ .,'][0-9]{3})+([.,][0-9]+)?")
_DECORATED = re.compile(
    rf"(?P<before>\(?(?:{_SIGN})?[+-]?(?:{_SIGN})? ?)(?P<number>[0-9][0-9 .,']*?)(?P<after> ?(?:{_SIGN}|%|-)?\)?)"
)
_SIGNS = (
    ("brackets", r"^\((?=[0-9])(.*)\)$", r"-\1"),
    ("trailing", r"^(?=[0-9])(.*)-$", r"-\1"),
    ("plus", r"^\+", ""),
)
"""As `format.signs` names them, and what they are as a minus at the front."""
_NUMERIC_SHARE = 0.6
_NOTHING = ("null", "none", "nan", "n/a", "na", "-", "--", "\\n")
"""Words that exports write for a value that is missing."""


@dataclass(frozen=True)
class NumberStyle:
    """The marks of numbers, and the texts that show them."""

    decimal: str = "."
    thousands: str | None = None
    evidence: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    """Why it may be wrong."""
    signs: Mapping[str, str] = field(default_factory=dict)
    """Signs besides a minus at the front (`plus`, `brackets`, `trailing`), and the text that shows each one."""
    currency_signs: Mapping[str, str] = field(default_factory=dict)
    """Sign of an amount → its currency."""
    missing: tuple[str, ...] = ()
    """Words that mean that there is no value."""

    def read(self, text: str) -> Decimal | None:
        """A number as a layout with these marks reads it, or None."""
        text = self._without_signs(_BLANKS.sub(" ", text))
        integer = r"[0-9]+"
        if self.thousands:
            integer = rf"(?:[0-9]+|[0-9]{{1,3}}(?:{re.escape(self.thousands)}[0-9]{{3}})+)"
        if not re.fullmatch(rf"-?{integer}(?:{re.escape(self.decimal)}[0-9]+)?", text):
            return None
        plain = text.replace(self.thousands, "") if self.thousands else text
        return Decimal(plain.replace(self.decimal, "."))

    def _without_signs(self, text: str) -> str:
        """The text with a minus at its front, where one of the signs means that."""
        found = _DECORATED.fullmatch(text)
        sign = next((each for each in self.currency_signs if found and each in found["before"] + found["after"]), "")
        text = text.replace(sign, "", 1).strip() if sign else text
        text = re.sub(r"^([-+(]) ", r"\1", text)
        for name, pattern, plain in _SIGNS:
            if name in self.signs:
                text = re.sub(pattern, plain, text)
        return text


def is_numeric(column: Column) -> bool:
    """Whether nearly all values are numbers, maybe with a currency sign, brackets or a percent sign."""
    is_number = {
        text: _DECORATED.fullmatch(_BLANKS.sub(" ", text)) is not None
        for text in column.first_rows
        if text.lower() not in _NOTHING
    }
    rows = [is_number[text] for text in column.texts if text in is_number]
    return bool(rows) and sum(rows) >= _NUMERIC_SHARE * len(rows)


def bare_number(text: str) -> str | None:
    """The text of a number without the signs around it; None when it is not a number."""
    text = _BLANKS.sub(" ", text)
    if _PLAIN.fullmatch(text):
        return text.lstrip("+-")
    found = _DECORATED.fullmatch(text)
    return found["number"] if found and _PLAIN.fullmatch(found["number"]) else None


def decoration(text: str) -> str:
    """What is around a number, without the number: `$`, `()`, `%`; empty for a plain number."""
    text = _BLANKS.sub(" ", text)
    if _PLAIN.fullmatch(text):
        return "+" if text.startswith("+") else ""
    found = _DECORATED.fullmatch(text)
    return re.sub("^-|[ ]", "", found["before"] + found["after"]) if found else ""


def detect_style(sample: Sample, columns: Iterable[Column], currency: str | None = None) -> NumberStyle:
    """The marks that the numbers of these columns have in common. `currency`: that of the source, if it is known."""
    columns = list(columns)
    decimals: dict[str, list[str]] = {".": [], ",": []}
    separators: dict[str, str] = {}
    unclear: dict[str, str] = {}
    for column in columns:
        for text in column.first_rows:
            mark, separator, is_clear = _marks(bare_number(text) or "")
            where = f"{sample.quoted(column, text)} ({column.name})"
            if mark and is_clear:
                decimals[mark].append(where)
            elif mark:
                unclear.setdefault(mark, where)
            if separator:
                separators.setdefault(separator, where)
    found = _style(decimals, separators, unclear)
    texts = {text: (column, text) for column in columns for text in column.first_rows}
    return replace(
        found,
        signs=_signs(sample, texts.values()),
        currency_signs=_currency_signs(texts, currency),
        missing=tuple(text for text in texts if text.lower() in _NOTHING),
    )


def _signs(sample: Sample, places: Iterable[tuple[Column, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for column, text in places:
        parts = _DECORATED.fullmatch(_BLANKS.sub(" ", text))
        before, after = (parts["before"], parts["after"]) if parts else ("", "")
        seen = {"brackets": "(" in before and ")" in after, "trailing": "-" in after, "plus": "+" in before + text[:1]}
        for name in (name for name, is_there in seen.items() if is_there):
            found.setdefault(name, f"{sample.quoted(column, text)} ({column.name})")
    return found


def _currency_signs(texts: Iterable[str], currency: str | None) -> dict[str, str]:
    """The signs that mean one currency. One that several share means the source's own, if it is known."""
    found: dict[str, str] = {}
    for text in texts:
        around = decoration(text)
        if sign := next((each for each in CURRENCY_SIGNS if each in around), ""):
            found[sign] = CURRENCY_SIGNS[sign]
        elif currency and (sign := next((each for each in SHARED_SIGNS if each in around), "")):
            found[sign] = currency
    return found


def _style(decimals: Mapping[str, list[str]], separators: dict[str, str], unclear: Mapping[str, str]) -> NumberStyle:
    """The style by what was found: clear decimal marks, separators of thousands, and marks that can be either."""
    doubts: list[str] = []
    point, comma = decimals["."], decimals[","]
    decimal = "," if len(comma) > len(point) or (not point and "." in separators) else "."
    if point and comma:
        rare = (point if decimal == "," else comma)[0]
        doubts.append(f"the decimal mark differs: {decimals[decimal][0]}, but {rare}.")
    other = "." if decimal == "," else ","
    is_known = bool(decimals[decimal]) or other in separators
    if unclear and not is_known:
        doubts.append(f"{next(iter(unclear.values()))} can be a number with three decimals or one above a thousand.")
    elif other in unclear and not decimals[other]:
        separators.setdefault(other, unclear[other])
    separators.pop(decimal, None)
    thousands = next(iter(separators), None)
    if len(separators) > 1:
        doubts.append(f"thousands are separated in several ways: {', '.join(separators.values())}.")
    evidence = [*decimals[decimal][:1], *([separators[thousands]] if thousands else [])]
    return NumberStyle(decimal, thousands, tuple(dict.fromkeys(evidence)), tuple(doubts))


def _marks(number: str) -> tuple[str, str, bool]:
    """The decimal mark and the separator of thousands that a number shows, and whether its mark is certainly one."""
    found = re.findall(r"[ .,']", number)
    if not found:
        return "", "", False
    if len(set(found)) == 2:
        return (found[-1], found[0], True) if found[-1] in ".," else ("", "", False)
    if len(found) > 1 or found[0] in " '":
        return "", found[0], False
    integer, _, decimals = number.partition(found[0])
    is_clear = len(decimals) != 3 or len(integer) > 3 or integer.startswith("0")
    return found[0], "", is_clear
