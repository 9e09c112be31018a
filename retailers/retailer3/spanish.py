"""Numbers and times as they are written in Spain."""

from __future__ import annotations

from datetime import date, datetime

DAY = "%d/%m/%Y"
MINUTE = "%d/%m/%Y %H:%M"


def number(text: str, places: int = 2) -> str:
    """A plain decimal like `-1234.500` as `-1.234,50`: at least so many places, no superfluous zeros beyond them."""
    sign = "-" if text.startswith("-") else ""
    whole, _, decimals = text.lstrip("-").partition(".")
    decimals = decimals[:places].ljust(places, "0") + decimals[places:].rstrip("0")
    grouped = f"{int(whole):,}".replace(",", ".") if len(whole) > 3 else whole
    return f"{sign}{grouped},{decimals}" if decimals else sign + grouped


def day(moment: date) -> str:
    """`15/01/2024`."""
    return moment.strftime(DAY)


def minute(moment: datetime) -> str:
    """`15/01/2024 14:03`."""
    return moment.strftime(MINUTE)
