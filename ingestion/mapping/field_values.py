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
from ingestion.mapping.distinct_values import layout_checks, missing_fault, values_query
from ingestion.mapping.layout_parts import FIELD_TYPES, NUMBER_FIELDS, TEXT_FIELDS, TIME_FIELDS, FieldSource
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.number_texts import exponent_of, minor_units
from ingestion.mapping.plain_texts import PlainField, is_plain_text
from ingestion.mapping.sql_text import literal, literals, trimmed
from ingestion.mapping.times import time_values
from shared.errors import FixConfiguration


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
    flagged_rows: int = 0
    """Rows whose value has a flag, in the column `flag` of the table."""
    signed_rows: int = 0
    """Rows whose amount has a currency sign, in the column `sign_currency` of the table."""
    business_date: str = ""
    """Of a time: its business date."""
    has_table: bool = True
    """Whether there is a table of its distinct texts. A constant has none, nor has a field whose texts are plain."""

    @property
    def may_reject(self) -> bool:
        """Whether the value of any row may be rejected."""
        return self.rejected_rows > 0 or self.signed_rows > 0

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
            " max(CASE WHEN is_empty THEN value::VARCHAR END), bool_or(is_empty AND text <> ''),"
            " coalesce(sum(rows) FILTER (WHERE flag IS NOT NULL), 0),"
            f" coalesce(sum(rows) FILTER (WHERE sign_currency IS NOT NULL), 0) FROM {self.table}"
        ).fetchone()
        missing, rejected, differs, replacement, blank, flagged, signed = row or (0, 0, False, None, False, 0, 0)
        found = replace(
            self,
            rejected_rows=int(rejected),
            missing_rows=int(missing),
            flagged_rows=int(flagged),
            signed_rows=int(signed),
        )
        if rejected or differs or blank or flagged or self.field not in TEXT_FIELDS:
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
    cells = {name: _present(layout, text) for name, text in cells.items()}
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
    found = replace(
        _texts(layout, field, source, cells), value=plain.value, business_date=plain.business_date, has_table=False
    )
    if not plain.others:
        return found
    distinct = f"SELECT unnest([{literals(plain.others)}]) AS text, 1 AS rows"
    _read_texts(connection, layout, field, source, found, distinct)
    [(flagged,)] = connection.execute(f"SELECT count(*) FROM {found.table} WHERE flag IS NOT NULL").fetchall()

    def either(value: str) -> str:
        return f"CASE WHEN {field}.text IS NULL THEN {getattr(found, value)} ELSE {field}.{value} END"

    return replace(
        found,
        join=f" LEFT JOIN {found.table} AS {field} ON {field}.text = {found.text}",
        value=either("value"),
        business_date=either("business_date") if plain.business_date else "",
        code=f"{field}.code",
        rejected_rows=len(plain.others),
        flagged_rows=int(flagged),
    )


def _present(layout: SourceMapping, text: str) -> str:
    """SQL of a cell's text; '' for a word that means that there is no value."""
    if not layout.format.missing:
        return text
    return f"CASE WHEN {trimmed(text)} IN ({literals(layout.format.missing)}) THEN '' ELSE {text} END"


def _exponent(layout: SourceMapping, source: FieldSource, cells: Mapping[str, str]) -> str:
    given = source.minor_units
    if given is True:
        currency = layout.columns["currency"]
        code = literal(currency.value or "")
        return exponent_of(_texts(layout, "currency", currency, cells).text if currency.headers else code)
    return literal(str(given)) if isinstance(given, int) else cells[str(given)]


def _texts(layout: SourceMapping, field: str, source: FieldSource, cells: Mapping[str, str]) -> FieldValues:
    """A mapped field, with its texts as they are in the rows."""
    texts = [cells[name] for name in source.headers]
    if source.minor_units is not None:
        text = minor_units(texts[0], _exponent(layout, source, cells))
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
    found = _texts(layout, field, source, cells)
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
            faults = missing_fault(layout, field)
            time_values(connection, found.table, source, zone, layout.dates, faults, is_exact=layout.is_json)
        except DateOrderError as error:
            error.field, error.text_sql = field, found.text
            raise
    else:
        query = values_query(layout, field, source, distinct)
        connection.execute(f"CREATE OR REPLACE TABLE {found.table} AS {query}")


def _constant(
    connection: duckdb.DuckDBPyConnection, layout: SourceMapping, field: str, source: FieldSource
) -> FieldValues:
    given = source.value or ""
    if field not in NUMBER_FIELDS and is_plain_text(field)(given) and not layout_checks(layout, field):
        return FieldValues(field, "", literal(given), f"{literal(given)}::VARCHAR", has_table=False)
    text = literal(given)
    query = values_query(layout, field, source, f"SELECT {text} AS text, 1 AS rows")
    found = connection.execute(f"SELECT value::VARCHAR, reason FROM ({query})").fetchone()
    if found is None or found[1] is not None or found[0] is None:
        raise FixConfiguration(
            f"The layout {layout.name} is wrong: columns.{field}.value {source.value!r}: {found[1] if found else ''}"
        )
    value = f"{literal(found[0])}::{'VARCHAR' if field not in NUMBER_FIELDS else FIELD_TYPES[field]}"
    return FieldValues(field, "", text, value, has_table=False)
