"""Finds the order of day and month in a column. It is never guessed if both are possible, nor mixed in one column."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from ingestion.mapping.sql_text import literal, trimmed

AUTO = "auto"
_DATES = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y%m%d")
SERIAL_NUMBER = "[1-9][0-9]{4}([.,][0-9]+)?"
"""A day from 1927 to 2173 as Excel stores it: 46114.4375."""
_SERIALS = "these look like the serial numbers that Excel has for dates: declare `format: excel`, or save them as dates"
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")


class DateOrderError(Exception):
    """Two texts of a column show that the order of day and month is ambiguous; `reason` says why."""

    def __init__(self, first: str, second: str, reason: str) -> None:
        super().__init__(reason)
        self.first, self.second, self.reason = first, second, reason
        self.field, self.text_sql = "", ""
        """The column's field, set by the caller that knows it."""


def is_read_by_auto(form: str) -> bool:
    """Whether `auto` looks for this format."""
    return form in {date + clock for date in _DATES for clock in _CLOCKS}


def swapped(form: str) -> str | None:
    """The same format with day and month swapped, if it has both as numbers."""
    if "%d" not in form or "%m" not in form:
        return None
    return form.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")


def check_order(connection: duckdb.DuckDBPyConnection, form: str) -> None:
    """Raises DateOrderError if some of `distinct_times` can only be read with day and month swapped."""
    other = swapped(form)
    if other is None:
        return
    found = _orders(connection, form, other)
    if found.only_second is None:
        return
    if found.only_first is None and found.both is None:
        reason = f"dates are written {other} here, and the layout says {form}"
        raise DateOrderError(found.only_second, found.only_second, reason)
    against = found.only_first if found.only_first is not None else found.both
    assert against is not None  # noqa: S101 - one of the two is there
    raise DateOrderError(against, found.only_second, f"one is written {form}, the other {other}")


def find_format(connection: duckdb.DuckDBPyConnection) -> str:
    """The format of all `distinct_times`. Raises DateOrderError if two formats are possible."""
    serials = connection.execute(
        f"SELECT min(text), max(text) FROM distinct_times WHERE regexp_full_match({trimmed('text')},"
        f" {literal(SERIAL_NUMBER)})"
    ).fetchone()
    if serials and serials[0] is not None:
        raise DateOrderError(serials[0], serials[1], _SERIALS)
    iso = connection.execute(
        f"SELECT count(*) FILTER (WHERE regexp_matches({trimmed('text')}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')) * 2"
        " > count(*) FROM distinct_times"
    ).fetchone()
    if iso and iso[0]:
        return "iso"
    forms = [date + clock for date in _DATES for clock in _CLOCKS]
    counts = ", ".join(f"count(try_strptime({trimmed('text')}, {literal(form)}))" for form in forms)
    row = connection.execute(f"SELECT {counts} FROM distinct_times").fetchone() or (0,) * len(forms)
    best = max(range(len(forms)), key=lambda index: row[index])
    other = swapped(forms[best])
    if not row[best] or other is None:
        return forms[best] if row[best] else "iso"
    found = _orders(connection, forms[best], other)
    if found.only_first is not None and found.only_second is not None:
        reason = f"one is written {forms[best]}, the other {other}"
        raise DateOrderError(found.only_first, found.only_second, reason)
    if found.only_first is None and found.only_second is None and found.both is not None:
        reason = (
            f"every date of the column can be read as {forms[best]} and as {other}: declare the format in the layout"
        )
        raise DateOrderError(found.both, found.last_of_both or found.both, reason)
    return forms[best] if found.only_first is not None or found.both is None else other


@dataclass(frozen=True)
class _Orders:
    only_first: str | None
    only_second: str | None
    both: str | None
    """A text that is a different date in each of the two orders."""
    last_of_both: str | None


def _orders(connection: duckdb.DuckDBPyConnection, first: str, second: str) -> _Orders:
    found = connection.execute(
        f"WITH read AS (SELECT text, try_strptime({trimmed('text')}, {literal(first)}) AS one,"
        f" try_strptime({trimmed('text')}, {literal(second)}) AS other FROM distinct_times)"
        " SELECT min(text) FILTER (WHERE one IS NOT NULL AND other IS NULL),"
        " min(text) FILTER (WHERE one IS NULL AND other IS NOT NULL),"
        " min(text) FILTER (WHERE one <> other), max(text) FILTER (WHERE one <> other) FROM read"
    ).fetchone()
    return _Orders(*(found or (None, None, None, None)))
