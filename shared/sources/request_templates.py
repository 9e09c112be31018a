"""Texts of a request with dates and times in them: `{day}`, `{day:%d/%m/%Y}`, `{since:epoch}`.

| name | |
|---|---|
| `day`, `next_day` | the business date, and the date after it |
| `day_start`, `day_end` | the times at which the business date begins and ends in the time zone of the source |
| `day_last_second` | a second before it ends, for an API whose upper limit is included |
| `since` | the time since which changes are requested |

After a colon is the format: `iso` (the default), `iso_z`, `epoch`, `epoch_ms`, or one of strftime, which is then in the
time zone of the source. A brace is written twice: `{{`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from string import Formatter
from zoneinfo import ZoneInfo

DATES = ("day", "next_day")
TIMES = ("day_start", "day_end", "day_last_second")
OF_DATE = (*DATES, *TIMES)
"""What a request about a business date can contain."""
OF_CHANGES = ("since",)
"""What a request for changes can contain."""
_TIME_FORMATS = ("iso", "iso_z", "epoch", "epoch_ms")
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_DATE_DIRECTIVES, _TIME_DIRECTIVES = "YmdyjbBaA%", "YmdyjbBaAHIMSpfzZ%"


def check_template(text: str, allowed: Iterable[str]) -> str:
    """The text. Raises ValueError if it has a placeholder that is not allowed, or a format that is none."""
    names = tuple(allowed)
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        raise ValueError(f"{text!r} has a single brace; write it twice, or a name in it, such as {{day}}") from None
    for _, name, form, conversion in parts:
        if name is None:
            continue
        if name not in names or conversion:
            listed = ", ".join(f"{{{each}}}" for each in names)
            raise ValueError(f"{{{name}}} is not known here; allowed: {listed}")
        _check_format(name, form or "iso")
    return text


def names_in(text: str) -> set[str]:
    """The names of the placeholders of a valid template."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def about_day(day: date, zone: ZoneInfo) -> dict[str, date]:
    """The values of `OF_DATE`."""
    following = day + timedelta(days=1)
    start, end = (datetime(each.year, each.month, each.day, tzinfo=zone).astimezone(UTC) for each in (day, following))
    return {
        "day": day,
        "next_day": following,
        "day_start": start,
        "day_end": end,
        "day_last_second": end - timedelta(seconds=1),
    }


def fill_template(text: str, values: Mapping[str, date], zone: ZoneInfo) -> str:
    """The text with its values."""
    return "".join(
        literal + ("" if name is None else _shown(values[name], form or "iso", zone))
        for literal, name, form, _ in Formatter().parse(text)
    )


def _check_format(name: str, form: str) -> None:
    is_date = name in DATES
    if form == "iso" or (not is_date and form in _TIME_FORMATS):
        return
    known = ("iso",) if is_date else _TIME_FORMATS
    used = _DIRECTIVE.findall(form)
    unknown = sorted(set(used) - set(_DATE_DIRECTIVES if is_date else _TIME_DIRECTIVES))
    if not used or unknown:
        what = f"%{unknown[0]}" if unknown else repr(form)
        raise ValueError(f"{{{name}:{form}}}: {what} is not a format; allowed: {', '.join(known)}, or like %d/%m/%Y")


def _shown(value: date, form: str, zone: ZoneInfo) -> str:
    if not isinstance(value, datetime):
        return value.isoformat() if form == "iso" else value.strftime(form)
    if form in ("epoch", "epoch_ms"):
        return str(int(value.timestamp() * (1000 if form == "epoch_ms" else 1)))
    if form in ("iso", "iso_z"):
        text = value.astimezone(UTC).isoformat(timespec="seconds")
        return text.replace("+00:00", "Z") if form == "iso_z" else text
    return value.astimezone(zone).strftime(form)
