"""Parses faults, which are written like `429:0.1;retry_after=2,slow:0.05;seconds=3,fail_at_page:3`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class Fault:
    """One fault. The meaning of `value` depends on the name; `options` are checked."""

    name: str
    value: float | str
    options: Mapping[str, str] = field(default_factory=dict)

    def number(self, option: str, default: float) -> float:
        """A numeric option."""
        return float(self.options.get(option, default))


def _probability(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise ValueError(f"{text} is not a probability above 0, at most 1")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value <= 0.5:
        raise ValueError(f"{text} is not a share above 0, at most 0.5")
    return value


def _page(text: str) -> float:
    value = int(text)
    if value < 1:
        raise ValueError(f"{text} is not a page number from 1")
    return float(value)


def _date_or_all(text: str) -> str:
    return date.fromisoformat(text).isoformat() if text else ""


def _nothing(text: str) -> str:
    if text:
        raise ValueError(f"it takes no value, not {text}")
    return ""


_KINDS: Mapping[str, tuple[Callable[[str], float | str], str]] = {
    "429": (_probability, "1"),
    "500": (_probability, "1"),
    "503": (_probability, "1"),
    "slow": (_probability, "1"),
    "drop": (_probability, "1"),
    "truncate": (_probability, "1"),
    "html": (_probability, "1"),
    "duplicates": (_probability, "0.05"),
    "bad_rows": (_share, "0.05"),
    "fail_at_page": (_page, "3"),
    "expire_token": (_page, "1"),
    "insert_after_page": (_page, "1"),
    "empty_day": (_date_or_all, ""),
    "empty_listing": (_date_or_all, ""),
    "down": (_nothing, ""),
}
NAMES = tuple(_KINDS)

BAD_ROW_KINDS = (
    "missing_field", "negative_price", "wrong_total", "unknown_currency",
    "impossible_date", "nul_character", "bad_quantity", "huge_string",
)  # fmt: skip


def _text(text: str) -> object:
    return text


def _seconds(text: str) -> object:
    value = float(text)
    if not 0 <= value <= 3600:
        raise ValueError(f"{text} is not from 0 to 3600")
    return value


def _status(text: str) -> object:
    value = int(text)
    if not 400 <= value <= 599:
        raise ValueError(f"{text} is not an error status")
    return value


def _bad_row_kinds(text: str) -> object:
    unknown = set(text.split("+")) - set(BAD_ROW_KINDS)
    if unknown:
        raise ValueError(f"unknown kinds {', '.join(sorted(unknown))}; known: {', '.join(BAD_ROW_KINDS)}")
    return text


_OPTIONS: Mapping[str, Callable[[str], object]] = {
    "times": _page, "after": _seconds, "page": _page, "path": _text,
    "retry_after": _seconds, "seconds": _seconds, "status": _status, "kinds": _bad_row_kinds,
}  # fmt: skip


def _parse_fault(text: str) -> Fault:
    head, *settings = text.strip().split(";")
    name, _, value = head.partition(":")
    if name not in _KINDS:
        raise ValueError(f"unknown fault {name!r}; known: {', '.join(NAMES)}")
    parse, default = _KINDS[name]
    options = {}
    for setting in settings:
        option, _, given = setting.partition("=")
        if option not in _OPTIONS:
            raise ValueError(f"unknown option {option!r} of {name}; known: {', '.join(_OPTIONS)}")
        try:
            _OPTIONS[option](given)
        except ValueError as error:
            raise ValueError(f"{name}: {option}: {error}") from error
        options[option] = given
    try:
        return Fault(name, parse(value or default), options)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def parse_faults(text: str) -> tuple[Fault, ...]:
    """The faults of a comma-separated list, in its order; none if it is empty. Raises ValueError."""
    return tuple(_parse_fault(part) for part in text.split(",") if part.strip())
