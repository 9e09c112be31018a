"""Finds the fields of a batch of JSON rows whose texts need no reading: each one already is the value.

Looking at the distinct texts of a column takes microseconds here. The queries of `field_values`, which also say what is
wrong with each text, take milliseconds per field, and a batch of pages has only some thousand rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ingestion.mapping.expressions import check_faults, digits, longest, plain_number
from ingestion.mapping.layout_parts import NUMBER_FIELDS, TIME_FIELDS, FieldSource, Format
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.plain_times import plain_times
from ingestion.mapping.sql_text import literal
from ingestion.models.columnar import COLUMNS
from ingestion.models.retailer_data import GUEST
from shared.currencies import CURRENCIES

if TYPE_CHECKING:
    import pyarrow

    Columns = Mapping[str, pyarrow.ChunkedArray]

_END, _INNER = r"[^\s\x00-\x1f\x7f]", r"[^\x00-\x1f\x7f]"
_MINOR_UNITS = "-?[0-9]{1,9}"


@dataclass(frozen=True)
class PlainField:
    """A field of which no text has to be trimmed, replaced or rejected."""

    value: str
    """SQL of its value in a row."""
    is_bare: bool = True
    """Whether no text has a character that is escaped in JSON."""
    business_date: str = ""
    """Of a time: SQL of its business date."""


def plain_fields(layout: SourceMapping, columns: Columns, cells: Mapping[str, str]) -> dict[str, PlainField]:
    """The fields of a batch that need no reading.

    `columns` are the texts by header, null where JSON has a null. `cells` is the SQL of each, with '' for a null. The
    texts of a field that is left out may be right all the same.
    """
    has_rules = {check.field for check in layout.checks if check.severity == "error" and check_faults(check)}
    found = {}
    for field, source in layout.columns.items():
        if source.column is None or source.when_missing or field in has_rules:
            continue
        if field == "product_id" and layout.non_products:
            continue
        read = _number if field in NUMBER_FIELDS else _time if field in TIME_FIELDS else _text
        plain = read(layout, field, source, columns, cells)
        if plain is not None:
            found[field] = plain
    return found


def _text(
    layout: SourceMapping, field: str, source: FieldSource, columns: Columns, cells: Mapping[str, str]
) -> PlainField | None:
    header = str(source.column)
    is_guest = field == "customer_id" and not layout.demands(field)
    is_plain: Callable[[str], object] = re.compile(f"{_END}(?:{_INNER}{{0,{longest(field) - 2}}}{_END})?").fullmatch
    if field == "currency":
        is_plain = CURRENCIES.__contains__
    texts = _distinct(columns[header], may_be_null=is_guest or not layout.requires(field))
    if texts is None or not all(map(is_plain, texts)):
        return None
    value = f"nullif({cells[header]}, '')"
    joined = "".join(texts)
    return PlainField(
        f"coalesce({value}, {literal(GUEST)})" if is_guest else value, '"' not in joined and "\\" not in joined
    )


def _number(
    layout: SourceMapping, field: str, source: FieldSource, columns: Columns, cells: Mapping[str, str]
) -> PlainField | None:
    header, exponent = str(source.column), source.minor_units
    before_point, scale = digits(field)
    pattern = _MINOR_UNITS if exponent is not None else _number_pattern(layout.format, before_point, scale)
    texts = _distinct(columns[header], may_be_null=not layout.requires(field))
    if texts is None or not all(map(re.compile(pattern).fullmatch, texts)):
        return None
    text = f"nullif({cells[header]}, '')"
    if exponent is None:
        return PlainField(f"{plain_number(layout.format, text)}::{COLUMNS[field]}")
    units = {str(decimals): f"{10**-decimals:.{scale}f}" for decimals in range(scale + 1)}
    if isinstance(exponent, int):
        unit = units.get(str(exponent))
    else:
        cases = " ".join(f"WHEN '{decimals}' THEN {unit}" for decimals, unit in units.items())
        unit = f"CASE {cells[exponent]} {cases} END"
        exponents = _distinct(columns[exponent], may_be_null=False)
        if exponents is None or not units.keys() >= set(exponents):
            return None
    return PlainField(f"({text}::INTEGER * {unit})::{COLUMNS[field]}") if unit else None


def _time(
    layout: SourceMapping, field: str, source: FieldSource, columns: Columns, cells: Mapping[str, str]
) -> PlainField | None:
    header = str(source.column)
    texts = _distinct(columns[header], may_be_null=not layout.requires(field))
    if texts is None:
        return None
    found = plain_times(source.format or "iso", texts, cells[header], ZoneInfo(layout.time_zone), layout.dates)
    if found is None or (field == "sold_at" and found.business_date is None):
        return None
    return PlainField(found.value, business_date=found.business_date or "")


def _number_pattern(marks: Format, before_point: int, scale: int) -> str:
    """A regular expression for numbers with no more digits than the contract allows."""
    integer = f"[0-9]{{1,{before_point}}}"
    if marks.thousands:
        groups = f"(?:{re.escape(marks.thousands)}[0-9]{{3}}){{1,{before_point // 3 - 1}}}"
        integer = f"(?:{integer}|[0-9]{{1,3}}{groups})"
    return f"-?{integer}(?:{re.escape(marks.decimal)}[0-9]{{1,{scale}}})?"


def _distinct(texts: pyarrow.ChunkedArray, *, may_be_null: bool) -> list[str] | None:
    """The distinct texts of a column; None if one is null that must not be."""
    if texts.null_count and not may_be_null:
        return None
    return [text for text in texts.unique().to_pylist() if text is not None]
