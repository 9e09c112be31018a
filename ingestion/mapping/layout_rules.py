"""Rules that the keys of a layout fulfil together, beyond what each of them has to be by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingestion.mapping.layout_parts import (
    AMOUNT_FIELDS,
    NUMBER_FIELDS,
    REQUIRED_FIELDS,
    TIME_FIELDS,
    TRANSACTION_FIELDS,
    FieldSource,
    plain_number,
)
from shared.sources.validation import wrong_at

if TYPE_CHECKING:
    from ingestion.mapping.layouts import SourceMapping
    from shared.sources.yaml_file import KeyPath

_OF_FILES = ("tables", "duplicate_key", "skip_rows", "outliers")
"""Keys that only the mapping of files has."""
_FORMAT_OF_FILES = ("encoding", "delimiter", "quote", "skip_lines", "ends_at", "sheet")


def check_layout(layout: SourceMapping) -> None:
    """Raise an error that names the key, if the keys of a layout do not fit each other."""
    _maps_what_is_needed(layout)
    _only_prices_that_are_mapped_are_used(layout)
    _only_json_has_types(layout)
    _lines_fit_the_columns(layout)
    _only_files_have_flags(layout)
    _strategies_fit_their_fields(layout)
    _tables_are_known(layout)


def _maps_what_is_needed(layout: SourceMapping) -> None:
    absent = [name for name in REQUIRED_FIELDS if name not in layout.columns]
    if "total_amount" in layout.columns and "unit_price" in absent:
        absent.remove("unit_price")
    if absent:
        raise wrong_at(("columns",), f"nothing is mapped to {', '.join(absent)}")


def _only_prices_that_are_mapped_are_used(layout: SourceMapping) -> None:
    if layout.has_prices:
        return
    used: list[KeyPath] = [
        ("line_type", number) for number, rule in enumerate(layout.line_type) if "unit_price" in rule.where
    ]
    used += [("checks", number) for number, check in enumerate(layout.checks) if check.field == "unit_price"]
    used += [("outliers", number) for number, each in enumerate(layout.outliers) if each.field == "unit_price"]
    if used:
        raise wrong_at(used[0], "no column is mapped to unit_price, which follows from total_amount; use that")


def _only_json_has_types(layout: SourceMapping) -> None:
    given: list[KeyPath] = [(key,) for key in ("lines", "may_be_null") if key in layout.model_fields_set]
    for name, source in layout.columns.items():
        typed = [key for key in ("type", "content") if key in source.model_fields_set]
        given += [("columns", name, key) for key in typed if source.type != "text" or source.content]
    if given and not layout.is_json:
        raise wrong_at(given[0], "only the mapping of a connector has this key; the columns of files are texts")


def _lines_fit_the_columns(layout: SourceMapping) -> None:
    for number, path in enumerate(layout.lines):
        for field in path.columns:
            source = layout.columns.get(field)
            if source is None or source.column is None or not layout.is_of_lines(source.column):
                raise wrong_at(("lines", number, "columns", field), "not a field of the lines with one column")
    for field in TRANSACTION_FIELDS:
        if field in layout.columns and layout.is_json and not layout.lines:
            raise wrong_at(("columns", field), "only with `lines`; rows of a transaction can be on several pages")


def _only_files_have_flags(layout: SourceMapping) -> None:
    given: list[KeyPath] = [(key,) for key in _OF_FILES if getattr(layout, key)]
    given += [
        ("format", key)
        for key in _FORMAT_OF_FILES
        if getattr(layout.format, key) != type(layout.format).model_fields[key].get_default(call_default_factory=True)
    ]
    given += [("checks", number) for number, check in enumerate(layout.checks) if check.severity == "warning"]
    for name, source in layout.columns.items():
        given += [("columns", name, "when_missing")] if source.when_missing else []
        given += [("columns", name, "format")] if source.format == "auto" else []
    if given and layout.is_json:
        raise wrong_at(given[0], "only the mapping of files can have this")


def _strategies_fit_their_fields(layout: SourceMapping) -> None:
    for field, source in layout.columns.items():
        _check_keys_of_kind(field, source, is_json=layout.is_json)
        way = source.when_missing
        at: KeyPath = ("columns", field, "when_missing")
        if field in TIME_FIELDS and source.value is not None:
            raise wrong_at(("columns", field), "a time must be a column, not a constant")
        if way is None:
            continue
        if field in TIME_FIELDS or field == "line_id":
            raise wrong_at(at, "a missing time or key cannot be replaced")
        if way.use in ("mean", "median") and field not in NUMBER_FIELDS:
            raise wrong_at(at, f"a {way.use} is possible only for {', '.join(NUMBER_FIELDS)}")
        if way.value is not None and field in NUMBER_FIELDS:
            _check_number(way.value, (*at, "value"))
        if way.by and (way.by not in layout.columns or way.by in NUMBER_FIELDS or layout.columns[way.by].value):
            raise wrong_at((*at, "by"), f"no column of texts is mapped to {way.by}")


def _tables_are_known(layout: SourceMapping) -> None:
    for number, (name, table) in enumerate(layout.tables.items()):
        if (number == 0) != (table.key is None):
            raise wrong_at(("tables", name), "the first table holds the lines; the others need `key` and `equals`")
    for name, wanted in layout.wanted_headers.items():
        if layout.tables and name not in layout.tables:
            raise wrong_at(
                ("columns",), f"there is no table {name!r} (of {wanted[0]}); tables has {', '.join(layout.tables)}"
            )


def _check_keys_of_kind(field: str, source: FieldSource, *, is_json: bool) -> None:
    """Raise an error for a key that a field of its kind cannot have."""
    kinds = dict.fromkeys(("format", "time_zone", "when_skipped"), TIME_FIELDS) | {"minor_units": AMOUNT_FIELDS}
    kinds["unit"] = ("discount_amount",)
    for key, fields in kinds.items():
        if key in source.model_fields_set and getattr(source, key) is not None and field not in fields:
            raise wrong_at(("columns", field, key), f"only {', '.join(fields)} can have this key")
    if source.carry_down and (is_json or not source.headers):
        raise wrong_at(("columns", field, "carry_down"), "only the columns of files can have this key")


def _check_number(text: str, at: KeyPath) -> None:
    try:
        plain_number(text)
    except ValueError as error:
        raise wrong_at(at, str(error)) from None
