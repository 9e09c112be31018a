"""Reads quantities and money exactly: never through a binary float, never rounded."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

from ingestion.connectors.values.rejection import missing, reject, shown
from ingestion.models.reject_reasons import RejectReason

_MOST_CHARACTERS = 40
_EXPONENTS = range(7)


def not_a_number(field: str, value: object) -> Exception:
    """The rejection of a quantity or amount that cannot be read."""
    if value is None:
        return missing(field)
    return reject(RejectReason.NOT_A_NUMBER, f"{field} is {shown(value)}")


def decimal_text(field: str, value: object, decimal: str = ".", thousands: str | None = None) -> Decimal:
    """A text such as `"-1234.50"`, with these marks. Raises RejectRecord."""
    text = _matching(_pattern(decimal, thousands), field, value)
    return Decimal((text.replace(thousands, "") if thousands else text).replace(decimal, "."))


def point_decimal(field: str, value: object) -> Decimal:
    """`"-1234.50"`."""
    return decimal_text(field, value)


def comma_decimal(field: str, value: object) -> Decimal:
    """`"1.234,50"`: comma for decimals, point for thousands (`"1.234"` is more than a thousand)."""
    return decimal_text(field, value, ",", ".")


def minor_units(field: str, value: object, exponent: object) -> Decimal:
    """`1250` with exponent 2 is 12.50."""
    if type(value) is not int:
        raise not_a_number(field, value)
    if type(exponent) is not int or exponent not in _EXPONENTS:
        raise not_a_number("currency.exponent", exponent)
    return Decimal(value).scaleb(-exponent)


@cache
def _pattern(decimal: str, thousands: str | None) -> re.Pattern[str]:
    groups = f"|[0-9]{{1,3}}({re.escape(thousands)}[0-9]{{3}})+" if thousands else ""
    return re.compile(f"-?([0-9]+{groups})({re.escape(decimal)}[0-9]+)?")


def _matching(pattern: re.Pattern[str], field: str, value: object) -> str:
    if not isinstance(value, str):
        raise not_a_number(field, value)
    if len(value) > _MOST_CHARACTERS:
        raise reject(RejectReason.TOO_MANY_DIGITS, f"{field} has {len(value)} characters")
    if not pattern.fullmatch(value):
        raise not_a_number(field, value)
    return value
