"""Finds the texts of a batch of JSON rows that need no reading: each one already is the value.

Looking at the distinct texts of a column takes microseconds here. The queries of `field_values`, which also say what is
wrong with a text, take milliseconds per field, and a batch of pages has only some thousand rows. So they read only
the texts that are not plain: mostly none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ingestion.mapping.expressions import check_faults, digits, longest
from ingestion.mapping.file_format import Format
from ingestion.mapping.layout_parts import ALLOWED_TEXTS, FIELD_TYPES, NUMBER_FIELDS, TIME_FIELDS, FieldSource
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.number_texts import plain_number, separator
from ingestion.mapping.plain_times import plain_times
from ingestion.mapping.sql_text import literal
from ingestion.models.columns import MEMBER_FIELDS
from ingestion.models.retailer_data import GUEST
from shared.currencies import CURRENCIES
from shared.reserved_ids import RESERVED_IDS

if TYPE_CHECKING:
    import pyarrow

    Columns = Mapping[str, pyarrow.ChunkedArray]

_END, _INNER = r"[^\s\x00-\x1f\x7f]", r"[^\x00-\x1f\x7f]"
_MINOR_UNITS = "-?[0-9]{1,9}"
_MOST_OTHERS = 200
"""With more distinct texts that are not plain, all of the field's are read by query."""


@dataclass(frozen=True)
class PlainField:
    """A field of which most texts have not to be trimmed, replaced or rejected."""

    value: str
    """SQL of the value of a plain text."""
    is_bare: bool = True
    """Whether no text has a character that is escaped in JSON."""
    business_date: str = ""
    """Of a time: SQL of the business date of a plain text."""
    others: tuple[str, ...] = ()
    """The distinct texts that have to be read, as in the rows of `source_rows`."""


def plain_fields(layout: SourceMapping, columns: Columns, cells: Mapping[str, str]) -> dict[str, PlainField]:
    """The fields of a batch whose texts need no reading, but for a few.

    `columns` are the texts by header, null where JSON has a null. `cells` is the SQL of each, with '' for a null and a
    space for an empty text.
    """
    if layout.format.missing:
        return {}
    has_rules = {check.field for check in layout.checks if check.severity == "error" and check_faults(check)}
    found = {}
    for field, source in layout.columns.items():
        if source.column is None or source.when_missing or field in has_rules:
            continue
        if field == "product_id" and layout.non_products:
            continue
        read = _number if field in NUMBER_FIELDS else _time if field in TIME_FIELDS else _text
        plain = read(layout, field, source, columns, cells)
        if plain is not None and len(plain.others) <= _MOST_OTHERS:
            found[field] = plain
    return found


def is_plain_text(field: str) -> Callable[[str], object]:
    """Whether a text already is the value of a text field, by the contract."""
    if field == "currency":
        return CURRENCIES.__contains__
    if field in ALLOWED_TEXTS:
        return ALLOWED_TEXTS[field].__contains__
    reserved = f"(?!(?:{'|'.join(RESERVED_IDS)})$)" if field in MEMBER_FIELDS else ""
    return re.compile(f"{reserved}{_END}(?:{_INNER}{{0,{longest(field) - 2}}}{_END})?").fullmatch


def _text(
    layout: SourceMapping, field: str, source: FieldSource, columns: Columns, cells: Mapping[str, str]
) -> PlainField | None:
    header = str(source.column)
    is_guest = field == "customer_id" and not layout.demands(field)
    texts = _distinct(columns[header])
    value = f"nullif({cells[header]}, '')"
    written = [text for text in texts if text is not None]
    joined = "".join(written)
    is_plain = (lambda _: True) if are_plain_texts(field, written) else is_plain_text(field)
    return PlainField(
        f"coalesce({value}, {literal(GUEST)})" if is_guest else value,
        is_bare='"' not in joined and "\\" not in joined,
        others=_others(texts, is_plain, may_be_null=is_guest or not layout.requires(field)),
    )


def are_plain_texts(field: str, texts: Sequence[str]) -> bool:
    """Whether texts surely are all plain, without a look at each: a space is the only white space that is printable."""
    if field == "currency" or field in ALLOWED_TEXTS or not "".join(texts).isprintable():
        return False
    ends = "\n".join(("", *texts, ""))
    sizes = set(map(len, texts))
    return (
        "\n " not in ends
        and " \n" not in ends
        and max(sizes, default=1) <= longest(field)
        and 0 not in sizes
        and (field not in MEMBER_FIELDS or set(texts).isdisjoint(RESERVED_IDS))
    )


def _number(
    layout: SourceMapping, field: str, source: FieldSource, columns: Columns, cells: Mapping[str, str]
) -> PlainField | None:
    header, exponent = str(source.column), source.minor_units
    before_point, scale = digits(field)
    pattern = _MINOR_UNITS if exponent is not None else _number_pattern(layout.format, before_point, scale)
    others = _others(_distinct(columns[header]), re.compile(pattern).fullmatch, may_be_null=not layout.requires(field))
    text = f"nullif({cells[header]}, '')"
    if exponent is True or (layout.format.currency_signs and others):  # compared with the currency of the line
        return None
    if exponent is None:
        return PlainField(f"TRY_CAST({plain_number(layout.format, text)} AS {FIELD_TYPES[field]})", others=others)
    if others:  # a text of `source_rows` is then the amount with its exponent
        return None
    units = {str(decimals): f"{10**-decimals:.{scale}f}" for decimals in range(scale + 1)}
    if isinstance(exponent, int):
        unit = units.get(str(exponent))
    else:
        cases = " ".join(f"WHEN '{decimals}' THEN {unit}" for decimals, unit in units.items())
        unit = f"CASE {cells[exponent]} {cases} END"
        if not units.keys() >= set(_distinct(columns[exponent])):
            return None
    return PlainField(f"({text}::INTEGER * {unit})::{FIELD_TYPES[field]}") if unit else None


def _time(
    layout: SourceMapping, field: str, source: FieldSource, columns: Columns, cells: Mapping[str, str]
) -> PlainField | None:
    header, texts = str(source.column), _distinct(columns[str(source.column)])
    written = [text for text in texts if text is not None]
    form, zone = source.format or "iso", ZoneInfo(layout.time_zone)
    if source.time_zone is not None:
        return None
    found = plain_times(form, written, cells[header], zone, layout.dates, is_dated=field == "sold_at")
    if found is None:
        return None
    others = _others(texts, found.is_plain, may_be_null=not layout.requires(field))
    return PlainField(found.value, business_date=found.business_date, others=others)


def _number_pattern(marks: Format, before_point: int, scale: int) -> str:
    """A regular expression for numbers with no more digits than the contract allows."""
    integer = f"[0-9]{{1,{before_point}}}"
    if marks.thousands:
        groups = f"(?:{separator(marks)}[0-9]{{3}}){{1,{before_point // 3 - 1}}}"
        integer = f"(?:{integer}|[0-9]{{1,3}}{groups})"
    return f"-?{integer}(?:{re.escape(marks.decimal)}[0-9]{{1,{scale}}})?"


def _distinct(texts: pyarrow.ChunkedArray) -> list[str | None]:
    found: list[str | None] = texts.unique().to_pylist()
    return found


def _others(texts: Sequence[str | None], is_plain: Callable[[str], object], *, may_be_null: bool) -> tuple[str, ...]:
    """The texts that are not plain, as they are in `source_rows`."""
    others = dict.fromkeys(text or " " for text in texts if text is not None and not is_plain(text))
    return (*others, "") if None in texts and not may_be_null else tuple(others)
