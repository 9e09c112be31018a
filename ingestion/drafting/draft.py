"""Drafts the definition of a source from a sample of its rows. What is not certain is marked for the user."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from ingestion.connectors.files.dialects import Dialect
from ingestion.drafting.carried_down import carried_down
from ingestion.drafting.draft_money import draft_currency, draft_money, number_columns, other_amounts
from ingestion.drafting.entries import Draft, Entry
from ingestion.drafting.header_words import LIKELY, SURE, resemblance
from ingestion.drafting.line_types import LineTypes, detect_line_types, has_known_words
from ingestion.drafting.numbers import NumberStyle, detect_style
from ingestion.drafting.roles import Kinds, Roles, assign_roles, detect_kinds
from ingestion.drafting.sample import Column, Sample
from ingestion.mapping.layout_parts import REQUIRED_FIELDS, TEXT_FIELDS

_TEXTS = tuple(name for name in TEXT_FIELDS if name not in ("currency", "line_type", "line_id"))


@dataclass(frozen=True)
class Wanted:
    """What the user says: it is taken without a mark."""

    source_id: str
    time_zone: str | None = None
    currency: str | None = None


def draft(
    connection: duckdb.DuckDBPyConnection, sample: Sample, origin: str, wanted: Wanted, dialect: Dialect | None = None
) -> Draft:
    """The definition of the source that the sample is from. `dialect`: of a CSV file."""
    kinds = detect_kinds(connection, sample)
    roles = assign_roles(sample, kinds)
    numbers = number_columns(sample, kinds, roles)
    style = detect_style(sample, numbers, wanted.currency)
    money = draft_money(sample, numbers, roles, style)
    currency, currencies = draft_currency(sample, roles, money.used or numbers, wanted.currency)
    kind = _line_type(sample, roles.get("quantity"), style)
    entries = [
        *_texts(sample, roles, wanted.source_id),
        *_line_id(sample, roles),
        *_times(sample, kinds, roles),
        *money.entries,
        currency,
        *([Entry("line_type", kind[0].name)] if kind else []),
    ]
    entries.sort(key=lambda entry: entry.key not in REQUIRED_FIELDS)
    keys = {entry.key for entry in entries}
    keys |= {"unit_price"} if "total_amount" in keys else set()
    mapped = {name for entry in entries for name in _headers(entry.value)}
    return Draft(
        source_id=wanted.source_id,
        origin=origin,
        head=_head(wanted, currencies),
        format=_format(style, dialect),
        columns=tuple(carried_down(sample, roles, entries)),
        line_type=_rules(*kind) if kind else None,
        not_mapped=tuple(column.name for column in sample.columns if column.name not in mapped),
        marks=(*_partly_filled_types(sample, kind is not None), *other_amounts(numbers, money.used)),
        missing=tuple(
            Entry(field, None, checks=(_why_missing(sample, field),)) for field in REQUIRED_FIELDS if field not in keys
        ),
    )


def _why_missing(sample: Sample, field: str) -> str:
    why = "it is required, and no column looks like it."
    for column in sample.columns:
        if column.first_rows and resemblance(column.name, field) >= SURE:
            shown = sample.quoted(column, next(iter(column.first_rows)))
            return f"{why} {column.name} has its name, but values that cannot be read, such as {shown}."
    return why


def _head(wanted: Wanted, currencies: Entry | None) -> tuple[Entry, ...]:
    zone = Entry("time_zone", wanted.time_zone)
    if wanted.time_zone is None:
        check = "in which time zone does the shop close its day? It decides the business date of each sale."
        zone = Entry("time_zone", "UTC", checks=(check,))
    return (
        Entry("id", wanted.source_id),
        Entry("name", wanted.source_id.replace("_", " ").title()),
        Entry("connector", "files"),
        Entry("schedule", "manual"),
        zone,
        *([currencies] if currencies else []),
    )


def _format(style: NumberStyle, dialect: Dialect | None) -> tuple[Entry, ...]:
    found = []
    if dialect is not None and dialect.delimiter != ",":
        found.append(Entry("delimiter", dialect.delimiter))
    if style.decimal != "." or style.thousands or style.doubts:
        found.append(Entry("decimal", style.decimal, tuple(f"{each}." for each in style.evidence), style.doubts))
    if style.thousands:
        found.append(Entry("thousands", style.thousands))
    if style.signs:
        found.append(Entry("signs", list(style.signs), tuple(f"{each}." for each in style.signs.values())))
    if style.currency_signs:
        found.append(Entry("currency_signs", dict(style.currency_signs)))
    if style.missing:
        found.append(Entry("missing", list(style.missing)))
    return tuple(found)


def _texts(sample: Sample, roles: Roles, source_id: str) -> list[Entry]:
    found = []
    for field in _TEXTS:
        column, name = roles.get(field), roles.get("product_name")
        checks = roles.doubts.get(field, ())
        if field == "product_id" and name is not None and (column is None or not column.is_filled):
            found.append(_product_id(sample, column, name))
        elif column is not None:
            if field in REQUIRED_FIELDS and not column.is_filled:
                empty = sample.place(column.texts.index(""))
                checks = (*checks, f"it is empty in some rows, first in {empty}, which are rejected.")
            found.append(Entry(field, column.name, checks=checks))
        elif field == "store_id":
            check = "no column names the store, so all sales are those of one."
            found.append(Entry(field, {"value": source_id}, checks=(check,)))
    return found


def _product_id(sample: Sample, column: Column | None, name: Column) -> Entry:
    if column is None:
        return Entry("product_id", name.name, checks=("no column is a code of the product, so its name is its id.",))
    empty = sample.place(column.texts.index(""))
    check = f"{column.name} is empty in some rows, first in {empty}. There the name is the id."
    return Entry("product_id", {"first_of": [column.name, name.name]}, checks=(check,))


def _line_id(sample: Sample, roles: Roles) -> list[Entry]:
    """The number of a line, if no transaction has one twice, other than in rows that are equal."""
    line, transaction = roles.get("line_id"), roles.get("transaction_id")
    if line is None or transaction is None or not line.is_filled:
        return []
    seen: dict[tuple[str, str], tuple[str, ...]] = {}
    for row, content in enumerate(zip(*(column.texts for column in sample.columns), strict=True)):
        key = (transaction.texts[row], line.texts[row])
        if seen.setdefault(key, content) != content:
            check = (
                f"two different rows have the line {key[1]} of {key[0]}, the second in {sample.place(row)}:"
                " only one counts."
            )
            return [Entry("line_id", line.name, checks=(*roles.doubts.get("line_id", ()), check))]
    return [Entry("line_id", line.name, checks=roles.doubts.get("line_id", ()))]


def _times(sample: Sample, kinds: Kinds, roles: Roles) -> list[Entry]:
    found = []
    fields = ("sold_at", "changed_at", "customer_since")
    used = {column.name for field in fields if (column := roles.get(field))}
    for field in fields:
        column = roles.get(field)
        if column is None:
            continue
        form = kinds.dates[column.name]
        value: dict[str, Any] = {"column": column.name, "format": form.format}
        clock = roles.get("time_of_day")
        if field == "sold_at" and clock is not None and not form.has_clock:
            date_form = "%Y-%m-%d" if form.format == "iso" else form.format
            value = {"columns": [column.name, clock.name], "format": f"{date_form} {kinds.times[clock.name]}"}
        notes = [f"{form.evidence} shows the order of day and month."] if form.evidence else []
        others = [name for name in kinds.dates if name not in used]
        checks = [*roles.doubts.get(field, ()), *([form.doubt] if form.doubt else [])]
        if field == "sold_at" and others:
            checks = [check for check in checks if "can be meant" not in check]
            checks.append(f"other dates, too: {', '.join(others)}. The business date follows from this one.")
        if field == "sold_at" and not column.is_filled:
            checks.append(f"it is empty in some rows, first in {sample.place(column.texts.index(''))}.")
        found.append(Entry(field, column.name if value.get("format") == "iso" else value, tuple(notes), tuple(checks)))
    return found


def _line_type(sample: Sample, quantity: Column | None, style: NumberStyle) -> tuple[Column, LineTypes, bool] | None:
    """The column that says what lines are, what its values say, and whether other lines have a minus sign."""
    named = [(resemblance(column.name, "line_type"), column) for column in sample.columns]
    for _, column in sorted((each for each in named if each[0] >= LIKELY), key=lambda each: -each[0]):
        found = detect_line_types(column, quantity, style)
        if found is not None:
            sold = {*found.values["sale"], *found.unknown}
            texts = quantity.texts if quantity else ()
            return (
                column,
                found,
                any(pieces.startswith("-") and kind in sold for pieces, kind in zip(texts, column.texts, strict=False)),
            )
    return None


def _partly_filled_types(sample: Sample, is_known: bool) -> tuple[str, ...]:
    """A column that seems to say which lines are returns, but that cannot be mapped."""
    for column in sample.columns:
        if not is_known and resemblance(column.name, "line_type") >= SURE and has_known_words(column):
            empty = sample.place(column.texts.index(""))
            return (
                f"{column.name} seems to say which lines are returns or did not happen, but it is empty in some rows,"
                f" first in {empty}. As drafted, all lines are sales unless their quantity is below zero.",
            )
    return ()


def _rules(column: Column, found: LineTypes, has_negative: bool) -> Entry:
    rules: list[dict[str, Any]] = []
    if found.values["void"]:
        rules.append({"is": "void", "where": {"line_type": {"one_of": list(found.values["void"])}}})
    if found.values["return"]:
        negated = {"negate": True} if found.returns_are_positive else {}
        where = {"line_type": {"one_of": list(found.values["return"])}}
        rules.append({"is": "return", **negated, "where": where})
    if has_negative:
        rules.append({"is": "return", "where": {"quantity": {"below": 0}}})
    if sales := [*found.values["sale"], *found.unknown]:
        rules.append({"is": "sale", "where": {"line_type": {"one_of": sales}}})
    checks = [f"is this what the values of {column.name} mean? Rows with another value are rejected."]
    if found.unknown:
        checks.append(f"not known, and taken for a sale: {', '.join(found.unknown)}.")
    if found.returns_are_positive:
        checks.append("returns have no minus sign, so they are negated.")
    return Entry("line_type", rules, checks=tuple(checks))


def _headers(value: Any) -> Sequence[str]:
    if isinstance(value, str):
        return [value]
    return [*value.get("columns", ()), *value.get("first_of", ()), *([value["column"]] if "column" in value else [])]


def id_of(name: str) -> str:
    """An id for a source, made from the name of a file or a host."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return (plain if plain[:1].isalpha() else f"source_{plain}")[:32].rstrip("_")
