"""Numbers and times as they are written in Spain."""

from __future__ import annotations

from datetime import date, datetime

DAY = "%d/%m/%Y"
MINUTE = "%d/%m/%Y %H:%M"


def number(text: str, places: int = 2) -> str:
    """A plain decimal like `-1234.500` as `-1.234,50`: at least `places` decimals, no trailing zeros after them."""
    sign = "-" if text.startswith("-") else ""
    units, _, decimals = text.lstrip("-").partition(".")
    decimals = decimals[:places].ljust(places, "0") + decimals[places:].rstrip("0")
    grouped = f"{int(units):,}".replace(",", ".") if len(units) > 3 else units
    return f"{sign}{grouped},{decimals}" if decimals else sign + grouped


def day(value: date) -> str:
    """`15/01/2024`."""
    return value.strftime(DAY)


def minute(value: datetime) -> str:
    """`15/01/2024 14:03`."""
    return value.strftime(MINUTE)
