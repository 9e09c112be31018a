"""Query parameters, read strictly."""

from __future__ import annotations

import re
from datetime import date, datetime

from flask import request

from retailers.rejections import invalid

_FORMS = {
    "%Y-%m-%d": (re.compile(r"\d{4}-\d\d-\d\d"), "YYYY-MM-DD"),
    "%d/%m/%Y": (re.compile(r"\d\d/\d\d/\d{4}"), "dd/mm/yyyy"),
}


def text(name: str) -> str | None:
    """The parameter; None if it is missing or empty."""
    return request.args.get(name) or None


def day(name: str, form: str = "%Y-%m-%d") -> date | None:
    """A date parameter in exactly that form. Raises Rejected."""
    given = text(name)
    if given is None:
        return None
    pattern, shown = _FORMS[form]
    try:
        if not pattern.fullmatch(given):
            raise ValueError(given)
        return datetime.strptime(given, form).date()  # noqa: DTZ007 - a date has no time zone
    except ValueError:
        raise invalid(f"{name} must be {shown}, not {given}") from None


def required_day(name: str, form: str = "%Y-%m-%d") -> date:
    """A required date parameter. Raises Rejected."""
    found = day(name, form)
    if found is None:
        raise invalid(f"{name} is missing")
    return found


def integer(name: str, default: int, low: int, high: int) -> int:
    """An integer within bounds. Raises Rejected."""
    given = text(name)
    if given is None:
        return default
    if not re.fullmatch(r"-?\d{1,12}", given) or not low <= int(given) <= high:
        raise invalid(f"{name} must be a whole number from {low} to {high}, not {given}")
    return int(given)


def exactly_one(first: str, second: str) -> None:
    """Reject a request with neither or both of two parameters."""
    if (text(first) is None) == (text(second) is None):
        raise invalid(f"give exactly one of {first} and {second}")
