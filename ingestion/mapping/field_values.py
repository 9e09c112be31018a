"""Parses and checks each distinct text of a mapped column once: 541,909 rows have only 722 different quantities.

Grain of `values_of_<field>`: one distinct text. Columns: `text` as in the file, the number of `rows` with it, the typed
`value`, and `code` and `reason` if a row with it is rejected. Rows get their value by a join on the text, unless the
text already is the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from zoneinfo import ZoneInfo

import duckdb

from ingestion.mapping.date_orders import DateOrderError
from ingestion.mapping.expressions import (
    Fault,
    check_faults,
    first_fault,
    is_minor_units,
    is_number,
    minor_units,
    number_faults,
    number_value,
    plain_minor_units,
    plain_number,
    text_faults,
)
from ingestion.mapping.layout_parts import FIELD_TYPES, NUMBER_FIELDS, TEXT_FIELDS, TIME_FIELDS, FieldSource
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.plain_texts import PlainField, is_plain_text
from ingestion.mapping.sql_text import cell, literal, literals, trimmed
from ingestion.mapping.times import time_values
from ingestion.models.reject_reasons import RejectReason
from ingestion.models.retailer_data import GUEST
from shared.currencies import CURRENCIES
from shared.errors import FixConfiguration

_CODES = ("currency", "line_type")


@dataclass(frozen=True)
class FieldValues:
    """How to get a field's value for a row of `source_rows s`: SQL over it and the joined tables."""

    field: str
    header: str
    """The column or columns, as messages name them; empty for a constant."""
    text: str
    """The cell's text; a literal for constants."""
    value: str
    """The typed value."""
    join: str = ""
    """Join of `values_of_<field>`, by the field's name as alias; empty when the text is the value."""
    late_join: str = ""
    """A join that uses other fields' values, so it must come after theirs."""
    code: str = "NULL"
    """SQL of the reject reason code, else NULL."""
    rejected_rows: int = 0
    """Upper bound of the rows whose value is rejected."""
    missing_rows: int = 0
    """Rows without a value of their own."""
    business_date: str = ""
    """Of a time: its business date."""
    has_table: bool = True
    """Whether there is a table of its distinct texts. A constant has none, nor has a field whose texts are plain."""

    @property
    def table(self) -> str:
        """Name of the table of distinct texts."""
        return f"values_of_{self.field}"

    def as_joined(self) -> FieldValues:
        """The same field, with its value joined from its table."""
        join = f" JOIN {self.table} AS {self.field} ON {self.field}.text = {self.text}"
        business_date = f"{self.field}.business_date" if self.field in TIME_FIELDS else ""
        return replace(
            self, join=join, value=f"{self.field}.value", code=f"{self.field}.code", business_date=business_date
        )

    def counted(self, connection: duckdb.DuckDBPyConnection) -> FieldValues:
        """The same field with the row counts of its table, joined if a text is not its value or is rejected."""
        row = connection.execute(
            "SELECT coalesce(sum(rows) FILTER (WHERE is_empty), 0),"
            " coalesce(sum(rows) FILTER (WHERE code IS NOT NULL), 0),"
            " coalesce(bool_or(NOT is_empty AND value::VARCHAR IS DISTINCT FROM text), false),"
            f" max(CASE WHEN is_empty THEN value::VARCHAR END), bool_or(is_empty AND text <> '') FROM {self.table}"
        ).fetchone()
        missing, rejected, differs, replacement, blank = row or (0, 0, False, None, False)
        found = replace(self, rejected_rows=int(rejected), missing_rows=int(missing))
        if rejected or differs or blank or self.field not in TEXT_FIELDS:
            return found.as_joined()
        return (
            found if replacement is None else replace(found, value=f"coalesce({found.value}, {literal(replacement)})")
        )


def read_values(
    connection: duckdb.DuckDBPyConnection,
    layout: SourceMapping,
    cells: Mapping[str, str],
    plain: Mapping[str, PlainField] = MappingProxyType({}),
) -> dict[str, FieldValues]:
    """Read every mapped field. `cells` maps a header to the SQL of that column's text.

    `plain` has the fields that need no reading.
    """
    return {
        field: _constant(connection, layout, field, source)
        if source.value is not None
        else _plain(connection, layout, field, source, cells, plain[field])
        if field in plain
        else _column(connection, layout, field, source, cells)
        for field, source in layout.columns.items()
    }


def _plain(
    connection: duckdb.DuckDBPyConnection,
    layout: SourceMapping,
    field: str,
    source: FieldSource,
    cells: Mapping[str, str],
    plain: PlainField,
) -> FieldValues:
    """A field whose texts are their values, but for those that are read here."""
    found = replace(_texts(field, source, cells), value=plain.value, business_date=plain.business_date, has_table=False)
    if not plain.others:
        return found
    distinct = f"SELECT unnest([{literals(plain.others)}]) AS text, 1 AS rows"
    _read_texts(connection, layout, field, source, found, distinct)

    def either(value: str) -> str:
        return f"CASE WHEN {field}.text IS NULL THEN {getattr(found, value)} ELSE {field}.{value} END"

    return replace(
        found,
        join=f" LEFT JOIN {found.table} AS {field} ON {field}.text = {found.text}",
        value=either("value"),
        business_date=either("business_date") if plain.business_date else "",
        code=f"{field}.code",
        rejected_rows=len(plain.others),
    )


def _texts(field: str, source: FieldSource, cells: Mapping[str, str]) -> FieldValues:
    """A mapped field, with its texts as they are in the rows."""
    texts = [cells[name] for name in source.headers]
    if source.minor_units is not None:
        exponent = source.minor_units
        text = minor_units(texts[0], literal(str(exponent)) if isinstance(exponent, int) else cells[exponent])
    elif source.first_of:
        text = f"coalesce({', '.join(f'nullif({trimmed(text)}, {chr(39) * 2})' for text in texts)}, '')"
    else:
        text = texts[0] if len(texts) == 1 else f"trim(concat_ws(' ', {', '.join(texts)}))"
    return FieldValues(field, " + ".join(source.headers), text, f"nullif({text}, '')")


def _column(
    connection: duckdb.DuckDBPyConnection,
    layout: SourceMapping,
    field: str,
    source: FieldSource,
    cells: Mapping[str, str],
) -> FieldValues:
    found = _texts(field, source, cells)
    distinct = f"SELECT {found.text} AS text, count(*) AS rows FROM source_rows AS s GROUP BY {found.text}"
    _read_texts(connection, layout, field, source, found, distinct)
    return found.counted(connection)


def _read_texts(
    connection: duckdb.DuckDBPyConnection,
    layout: SourceMapping,
    field: str,
    source: FieldSource,
    found: FieldValues,
    distinct: str,
) -> None:
    """Create the table of a field's values. `distinct` is the SQL of its texts."""
    if field in TIME_FIELDS:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE distinct_times AS {distinct}")
        zone = ZoneInfo(layout.time_zone)
        try:
            form = source.format or "iso"
            faults = _missing_fault(layout, field)
            time_values(connection, found.table, form, zone, layout.dates, faults, is_exact=layout.is_json)
        except DateOrderError as error:
            error.field, error.text_sql = field, found.text
            raise
    else:
        reading = _number if field in NUMBER_FIELDS else _text
        connection.execute(f"CREATE OR REPLACE TABLE {found.table} AS {reading(layout, field, source, distinct)}")


def _constant(
    connection: duckdb.DuckDBPyConnection, layout: SourceMapping, field: str, source: FieldSource
) -> FieldValues:
    given = source.value or ""
    if field not in NUMBER_FIELDS and is_plain_text(field)(given) and not _checks(layout, field):
        return FieldValues(field, "", literal(given), f"{literal(given)}::VARCHAR", has_table=False)
    text = literal(given)
    reading = _number if field in NUMBER_FIELDS else _text
    found = connection.execute(
        f"SELECT value::VARCHAR, reason FROM ({reading(layout, field, source, f'SELECT {text} AS text, 1 AS rows')})"
    ).fetchone()
    if found is None or found[1] is not None or found[0] is None:
        raise FixConfiguration(
            f"The layout {layout.name} is wrong: columns.{field}.value {source.value!r}: {found[1] if found else ''}"
        )
    value = f"{literal(found[0])}::{'VARCHAR' if field not in NUMBER_FIELDS else _type(field)}"
    return FieldValues(field, "", text, value, has_table=False)


def _type(field: str) -> str:
    return FIELD_TYPES[field]


def _missing_fault(layout: SourceMapping, field: str) -> list[Fault]:
    # JSON can say that there is no customer, with null. An empty text is an identifier that is missing.
    required = layout.requires(field) or (field == "customer_id" and layout.is_json)
    return [Fault("value IS NULL AND is_empty", RejectReason.MISSING_FIELD, "missing")] if required else []


def _checks(layout: SourceMapping, field: str) -> list[Fault]:
    """The layout's checks of a field's values. Limits are for unsigned measures; totals are checked later."""
    value = "abs(value)" if field in NUMBER_FIELDS else "value"
    return [
        fault
        for check in layout.checks
        if check.field == field and check.severity == "error" and field != "total_amount"
        for fault in check_faults(check, value)
    ]


def _replacement(layout: SourceMapping, field: str, source: FieldSource) -> str | None:
    if source.when_missing is not None and source.when_missing.use == "default":
        return source.when_missing.value
    return GUEST if field == "customer_id" and not layout.demands(field) else None


def _text(layout: SourceMapping, field: str, source: FieldSource, distinct: str) -> str:
    replacement = _replacement(layout, field, source)
    read = f"nullif({cell(is_exact=layout.is_json) if field in _CODES else trimmed('text')}, '')"
    value = read
    if replacement is not None:
        is_replaced = "text = ''" if layout.is_json else f"{read} IS NULL"
        value = f"CASE WHEN {is_replaced} THEN {literal(replacement)} ELSE {read} END"
    own = text_faults(field)
    if field == "currency":
        own.insert(0, _unknown_currency())
    elif field == "line_type" and layout.is_json:
        own = []  # only compared with known values, never stored
    faults = [*_missing_fault(layout, field), *own, *_checks(layout, field)]
    return (
        f"WITH texts AS ({distinct}),"
        f" read AS (SELECT text, rows, {read} IS NULL AS is_empty, {value} AS value FROM texts)"
        f" SELECT text, rows, is_empty, value, {first_fault(faults, 'code')} AS code,"
        f" {first_fault(faults, 'reason')} AS reason FROM read"
    )


def _unknown_currency() -> Fault:
    return Fault(
        f"value NOT IN ({literals(sorted(CURRENCIES))})", RejectReason.UNKNOWN_CURRENCY, "not an ISO 4217 currency"
    )


def _number(layout: SourceMapping, field: str, source: FieldSource, distinct: str) -> str:
    replacement = _replacement(layout, field, source)
    text = cell(is_exact=layout.is_json)
    plain, is_written_so = plain_number(layout.format, text), is_number(layout.format, text)
    if source.minor_units is not None:
        plain, is_written_so = plain_minor_units(), is_minor_units()
    value = (
        number_value(field)
        if replacement is None
        else f"CASE WHEN is_empty THEN {replacement}::{FIELD_TYPES[field]} ELSE {number_value(field)} END"
    )
    faults = [
        *_missing_fault(layout, field),
        *(
            Fault(f"NOT is_empty AND {fault.condition}", fault.code, fault.reason)
            for fault in number_faults(field, layout.format, text)
        ),
        *_checks(layout, field),
    ]
    return (
        f"WITH texts AS ({distinct}), plain AS (SELECT text, rows, {text} = '' AS is_empty,"
        f" {plain} AS plain, {is_written_so} AS is_number FROM texts),"
        f" read AS (SELECT *, {value} AS value FROM plain)"
        f" SELECT text, rows, is_empty, value, {first_fault(faults, 'code')} AS code,"
        f" {first_fault(faults, 'reason')} AS reason FROM read"
    )
