"""Finds the format of a column of dates or times, and the text that proves the order of day and month."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import duckdb

from ingestion.drafting.sample import Column, Sample
from ingestion.mapping.date_orders import AUTO, is_read_by_auto, swapped
from ingestion.mapping.sql_text import literal

_DATES = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y%m%d", "%Y-%m-%d",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y",
    "%B %d, %Y",
)  # fmt: skip
_CLOCKS = (
    "", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S", ", %H:%M", ", %H:%M:%S", " %H:%M:%S %z",
    " %H:%M %z", " %H:%M:%S UTC", " %H:%M UTC",
)  # fmt: skip
_TIMES = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?)?(Z|[+-][0-9]{2}:?([0-9]{2})?)?"
)
_OFFSET = re.compile(r"(Z|[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2})$")
_LOOKS_LIKE_A_DATE = re.compile(r".*[0-9].*[-/.: ].*|(19|20)[0-9]{6}")
_LOOKS_LIKE_A_TIME = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?( ?[AaPp][Mm])?")
_EPOCH = {10: "epoch", 13: "epoch_ms"}
_TRIED, _SHARE = 200, 0.9


@dataclass(frozen=True)
class DateFormat:
    """How a column writes its times."""

    format: str
    has_clock: bool
    has_offset: bool = False
    """Whether its texts say the offset from UTC themselves."""
    evidence: str = ""
    """The text that shows the order of day and month."""
    doubt: str = ""
    """Why the format may be wrong."""


def detect_dates(connection: duckdb.DuckDBPyConnection, sample: Sample, column: Column) -> DateFormat | None:
    """The format of a column, or None for one that is not of dates."""
    texts = list(column.first_rows)
    tried = texts[:: max(1, len(texts) // _TRIED)]
    if not tried or _share(_LOOKS_LIKE_A_DATE, tried) < _SHARE:
        return _epoch(tried)
    if _share(_ISO, tried) >= _SHARE:
        has_offset = any(_OFFSET.search(text[10:]) for text in tried)
        return DateFormat("iso", any(len(text) > 10 for text in tried), has_offset)
    forms = [date + clock for date in _DATES for clock in _CLOCKS]
    counts = _counts(connection, tried, forms)
    best = max(range(len(forms)), key=lambda each: counts[each])
    if counts[best] < _SHARE * len(tried):
        return None
    return _ordered(connection, sample, column, forms[best])


def detect_times(column: Column) -> str | None:
    """The format of a column with times of day and no date."""
    texts = list(islice(column.first_rows, _TRIED))
    if not texts or _share(_LOOKS_LIKE_A_TIME, texts) < _SHARE:
        return None
    has_seconds = sum(text.count(":") == 2 for text in texts) * 2 > len(texts)
    has_half = any(text[-1] in "mM" for text in texts)
    return _TIMES[2 * has_half + has_seconds]


def _ordered(connection: duckdb.DuckDBPyConnection, sample: Sample, column: Column, form: str) -> DateFormat:
    """The format with day and month in the order that all texts of the column show."""
    texts = list(column.first_rows)
    found = DateFormat(form, "%H" in form or "%I" in form, "%z" in form, doubt=_of_utc(form))
    other = _other_order(form)
    if other is None:
        return found
    first, second = (_only(connection, texts, *pair) for pair in ((form, other), (other, form)))
    if first and second:
        doubt = f"day and month are in two orders: {sample.quoted(column, first)}, {sample.quoted(column, second)}."
    elif first or second:
        right, proof = (form, first) if first else (other, second)
        return replace(found, format=right, evidence=sample.quoted(column, proof or ""))
    else:
        shown = sample.quoted(column, texts[0])
        doubt = f"every date can be read with the day first and with the month first ({shown})."
    # `auto` stops a load whose dates do not show their order; an explicit format would read them.
    return replace(found, format=AUTO if is_read_by_auto(form) else _day_first(form, other), doubt=doubt + found.doubt)


def _other_order(form: str) -> str | None:
    """The format with day and month swapped. Nobody writes the day between year and month."""
    return None if form.startswith("%Y") else swapped(form)


def _read(*forms: str | None) -> list[str]:
    return [f"try_strptime(text, {literal(form)})" for form in forms if form]


def _of_utc(form: str) -> str:
    return "its times are in UTC: with another time_zone they are read as local times." if "UTC" in form else ""


def _day_first(first: str, second: str) -> str:
    """Of two orders that are equally possible, the one that most countries write."""
    return first if first.index("%d") < first.index("%m") else second


def _only(connection: duckdb.DuckDBPyConnection, texts: Sequence[str], form: str, other: str) -> str | None:
    """The first text that can be read in this format and not in the other."""
    found = connection.execute(
        "SELECT text FROM (SELECT unnest(?::VARCHAR[]) AS text, unnest(range(?)) AS place)"  # noqa: S608
        f" WHERE try_strptime(text, {literal(form)}) IS NOT NULL AND try_strptime(text, {literal(other)}) IS NULL"
        " ORDER BY place LIMIT 1",
        [list(texts), len(texts)],
    ).fetchone()
    return found[0] if found else None


def _counts(connection: duckdb.DuckDBPyConnection, texts: Sequence[str], forms: Sequence[str]) -> tuple[int, ...]:
    counts = ", ".join(f"count(coalesce({', '.join(_read(form, _other_order(form)))}))" for form in forms)
    found = connection.execute(f"SELECT {counts} FROM (SELECT unnest(?::VARCHAR[]) AS text)", [list(texts)])  # noqa: S608
    return found.fetchone() or (0,) * len(forms)


def _epoch(texts: Sequence[str]) -> DateFormat | None:
    """Seconds or milliseconds since 1970, of the years 2001 to 2099."""
    lengths = {len(text) for text in texts if text.isdecimal()}
    form = _EPOCH.get(next(iter(lengths))) if len(lengths) == 1 else None
    if form is None or not all(text.isdecimal() and text[0] in "1234" for text in texts):
        return None
    return DateFormat(form, True, True, "", f"{texts[0]} is read as a number of seconds since 1970.")


def _share(pattern: re.Pattern[str], texts: Sequence[str]) -> float:
    return sum(pattern.fullmatch(text) is not None for text in texts) / len(texts)
